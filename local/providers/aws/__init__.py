"""The aws stand-in: pulumi-aws's resource types over an AWS emulator. It is test equipment.

Reading order: `table.py` (what there is), `engine_protocol.py` (what Pulumi asks), `operations.py`
(how a row becomes API calls), then the facts it rests on: `sdk.py`, `schema.py`, `shapes.py`.
"""
