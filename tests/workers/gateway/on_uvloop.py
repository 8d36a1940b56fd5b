"""A pytest plugin that puts every loop of the tests on uvloop: `pytest -p tests.workers.gateway.on_uvloop`."""

from __future__ import annotations

import asyncio

import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.set_event_loop(asyncio.new_event_loop())  # ib_insync's eventkit wants one when it is imported
