"""Claims that a check makes: a line for each, and an exit status. For the checks of `needletail serve`."""

import sys
import traceback


class Claims:
    """`claims("water is wet", wet, got=water)` prints `ok    water is wet`, or `FAIL` with what was got."""

    def __init__(self):
        self.held = 0
        self.failed = []

    def __call__(self, claim, holds, got=None):
        if holds:
            self.held += 1
            print(f"ok    {claim}", flush=True)
        else:
            self.failed.append(claim)
            print(f"FAIL  {claim}" + ("" if got is None else f": got {shortened(got)}"), flush=True)
        return bool(holds)

    def of(self, claim, check):
        """The same of a function without arguments: it holds if that raises nothing and does not give False."""
        try:
            return self(claim, check() is not False)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(str(error).split()) or f"`{where.line}` does not hold"
            return self(claim, False, f"{type(error).__name__} {text} (line {where.lineno})")

    def end(self):
        """Prints how many held and leaves: 0 if all did, 1 otherwise."""
        print(f"{self.held} claims hold, {len(self.failed)} fail")
        sys.exit(1 if self.failed or not self.held else 0)


def shortened(value, limit=300):
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"
