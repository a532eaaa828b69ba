"""Prints the scalars that the `tensorboard` package reads from a directory of event files.

    /tmp/oracle/bin/python read_tensorboard.py DIRECTORY
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1])
events.Reload()
for tag in events.Tags()["scalars"]:
    print(tag, [(event.step, event.value) for event in events.Scalars(tag)])
