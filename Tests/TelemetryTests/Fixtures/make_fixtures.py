"""Writes scalars.tfevents with TensorBoard's own record writer and messages.

    /tmp/oracle/bin/python make_fixtures.py
"""

import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

Event, Summary = event_pb2.Event, summary_pb2.Summary


def scalars(pairs):
    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in pairs])


events = [
    Event(wall_time=1_700_000_000.25, file_version="brain.Event:2"),
    Event(wall_time=1_700_000_001.5, step=1, summary=scalars([("train/loss", 2.5), ("é", -1e-3)])),
    Event(wall_time=1_700_000_002, step=300, summary=scalars([("train/loss", float("inf"))])),
    Event(
        wall_time=1_700_000_003,
        step=41,
        session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START),
    ),
]
with open(pathlib.Path(__file__).parent / "scalars.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
