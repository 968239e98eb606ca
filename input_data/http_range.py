"""The rest of a file from an HTTP server, from a byte on (RFC 9110, section 14)."""

import http.client
import re
import urllib.error
import urllib.request

TIMEOUT = 60            # seconds without a byte
CHUNK = 1 << 18
NUMBER = "[0-9]{1,18}"


class HTTPFailure(Exception):
    """Why a server did not give a file, or not all of it, in words."""


def open_at(url, start, size):
    """Asks a server for the bytes of a file from one of them on.

    Args:
      url: str.
      start: int, the first byte wanted.
      size: bytes of the whole file.

    Returns:
      The byte at which the answer begins: start, or 0 from a server that ignores ranges; and
      an iterator over the bytes, in pieces, that raises HTTPFailure where they break off.

    Raises:
      HTTPFailure: if the server cannot be reached, or does not have such a file.
    """
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            raise HTTPFailure(f"{error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HTTPFailure(_reason(error)) from None
    try:
        begin, whole = _extent(response, start)
        if whole not in (None, size):
            raise HTTPFailure(f"expected a file of {size} bytes, found {whole}")
    except HTTPFailure:
        response.close()
        raise
    return begin, _pieces(response, begin, size)


def _extent(response, start):
    """Returns the first byte of an answer and the whole file's size, None if it is not said."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(NUMBER, length) else None
    content_range = response.headers.get("Content-Range", "")
    found = re.fullmatch(rf"bytes ({NUMBER})-{NUMBER}/({NUMBER}|\*)", content_range.strip())
    if not found or int(found[1]) != start:
        raise HTTPFailure(f"asked for the bytes from {start} on, found {content_range!r}")
    return start, None if found[2] == "*" else int(found[2])


def _pieces(response, begin, size):
    with response:
        while begin < size:
            try:
                piece = response.read(min(CHUNK, size - begin))
            except (OSError, http.client.HTTPException) as error:
                raise HTTPFailure(f"broken off after {begin} of {size} bytes "
                                  f"({_reason(error)})") from None
            if not piece:
                raise HTTPFailure(f"broken off after {begin} of {size} bytes")
            begin += len(piece)
            yield piece


def _reason(error):
    return str(getattr(error, "reason", error)) or type(error).__name__
