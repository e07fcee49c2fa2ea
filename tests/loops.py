"""Coroutines in a loop and a thread of their own: a browser in the same process has a loop running in the main one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def in_own_loop(coroutine, seconds=300):
    """The result of ``coroutine``."""

    async def bounded():
        return await asyncio.wait_for(coroutine, seconds)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(bounded())).result()
