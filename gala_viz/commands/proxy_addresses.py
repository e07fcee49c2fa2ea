"""Whose address a request behind a proxy has: the last one of X-Forwarded-For, which the proxy wrote itself.

Tornado believes X-Real-Ip first. A proxy that sets X-Forwarded-For alone, as nginx does with the file that docs showed
for long, passes a visitor's own X-Real-Ip on, and limits by address would count a name that the visitor chooses.
"""

from __future__ import annotations

from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.netutil import is_valid_ip
from tornado.web import Application

UNKNOWN_ADDRESS = "0.0.0.0"
"""Of a visitor about whom the proxy says nothing; all of them share the limits of one address."""


def client_address(headers: HTTPHeaders, address: str) -> str:
    """Return the address of the visitor whose request a proxy passed on with ``headers``.

    Parameters
    ----------
    headers : HTTPHeaders
        Of the request. Entries of X-Forwarded-For before the last are what the visitor sent, and are not believed.
    address : str
        What Tornado takes for the address.

    Returns
    -------
    str
        The last entry of X-Forwarded-For; without one ``address``, or ``UNKNOWN_ADDRESS`` where that may be the
        visitor's own word.
    """
    last = headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if is_valid_ip(last):
        return last
    return UNKNOWN_ADDRESS if "X-Real-Ip" in headers else address


def trust_proxy(application: Application) -> None:
    """Let all handlers of ``application``, whose server believes a proxy, see ``client_address`` as ``remote_ip``."""
    find = application.find_handler

    def find_for_visitor(request: HTTPServerRequest, **keywords: Any) -> Any:
        request.remote_ip = client_address(request.headers, request.remote_ip or "")
        return find(request, **keywords)

    application.find_handler = find_for_visitor  # type: ignore[method-assign]
