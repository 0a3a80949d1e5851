"""A file on the hub, read in pieces as they are needed, so that some rows of a large one cost little.

Tokens come from the environment or the stored login and are read by huggingface_hub alone.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from studio.data.reading.sink import Refusal

SECONDS = 20.0  # for one piece
FIRST_PIECE = 1 << 20
LARGEST_PIECE = 16 << 20


class RemoteFile(io.RawIOBase):
    """Bytes of a file at `url`, fetched by range. Reads onward fetch ever larger pieces; `told` hears of each."""

    def __init__(self, url: str, size: int, told: Callable[[int], None]):
        self.url = url
        self.size = size
        self.told = told
        self.place = 0
        self.piece = b""
        self.piece_start = 0
        self.next_size = FIRST_PIECE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        self.place = max(0, base + offset)
        return self.place

    def readinto(self, buffer) -> int:
        """Fill `buffer` as far as the file goes; Refusal if the hub does not give it."""
        wanted = min(len(buffer), self.size - self.place)
        done = 0
        while done < wanted:
            part = self.take(self.place, wanted - done)
            buffer[done : done + len(part)] = part
            done += len(part)
            self.place += len(part)
        return max(done, 0)

    def take(self, start: int, wanted: int) -> bytes:
        """Some of the bytes from `start` on, at least one: from the piece at hand, else from a new one."""
        if not self.piece_start <= start < self.piece_start + len(self.piece):
            if start != self.piece_start + len(self.piece):
                self.next_size = FIRST_PIECE
            self.piece = fetch(self.url, start, min(self.size, start + max(wanted, self.next_size)))
            self.piece_start = start
            self.next_size = min(2 * self.next_size, LARGEST_PIECE)
            self.told(len(self.piece))
        offset = start - self.piece_start
        return self.piece[offset : offset + wanted]


def fetch(url: str, start: int, end: int) -> bytes:
    """The bytes from `start` up to `end`; Refusal if they do not come."""
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

    headers = {**build_hf_headers(), "Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
    with refusing_network():
        response = http_backoff("GET", url, headers=headers, timeout=SECONDS, max_retries=3)
        hf_raise_for_status(response)
    data = response.content if response.status_code == 206 else response.content[start:end]
    if not data:
        raise Refusal("the hub sent nothing where the file should go on; try again")
    return data


@contextmanager
def refusing_network() -> Iterator[None]:
    """Turn what huggingface_hub raises into a Refusal that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise Refusal(
            "it is gated: request access on its page on the hub, then put a token of your account into HF_TOKEN, "
            "or log in with `hf auth login`"
        ) from None
    except errors.RevisionNotFoundError:
        raise Refusal("it has no such revision on the hub; use main, or a commit's hash") from None
    except errors.HfHubHTTPError as error:
        raise Refusal(describe_status(error.response.status_code, error.server_message or "")) from None
    except (errors.HTTPError, errors.OfflineModeIsEnabled):
        # errors.HTTPError is the base of whichever HTTP library this huggingface_hub was built on.
        raise Refusal("the connection to the hub broke off; try again later") from None


def describe_status(status: int, message: str) -> str:
    """What a status of the hub means; it says 401 to hide whether a private dataset exists."""
    if status == 401 and "credentials" in message:
        return "the hub did not accept the token; renew HF_TOKEN, or log in anew"
    if status in (401, 404):
        return (
            "there is no dataset with that name on the hub; check the spelling (owner/name), and if it is private put "
            "a token into HF_TOKEN, or log in with `hf auth login`"
        )
    return f"the hub answered {status}; try again later"
