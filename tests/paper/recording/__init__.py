"""Holds a recording of a live Gateway's conversation against the paper gateway: `python -m tests.paper.recording FILE…`.

A recording is a text of one step a line, as the recorders of other projects write it:

    handshake {"server_version":200,…}       a client connects; what was negotiated then does not matter here
    server NAME {…}                          the next message must be this one
    client NAME {…}                          a request, sent as TWS bytes
    raw server BASE64                        a frame as it was, up to server version 200
    sleep 100ms      disconnect              `#` starts a comment

Names and keys are IB's in snake_case; `"$name"` stands for any id, the same one wherever it stands. Kept apart from
what counts are: ids that a Gateway makes up (perm, execution and request ids, but the same one must come wherever the
recording has the same one), prices of fills, amounts of money, times, notices of data farms, and digits in texts.
What the recording says decides beforehand where the market stands and which documented switch is on, nothing else.
"""
