"""The cookies of devices and sessions, and which requests may use them."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response

from pullsvc.errors import Kind, Rejection

DEVICE_LASTS = timedelta(days=400)  # As long as browsers keep any cookie; each sign-in renews it.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSite(Rejection):
    """A page of somebody else's sent the request: it would have acted in the name of who is signed in."""

    kind = Kind.FORBIDDEN
    code = "cross-site"
    title = "This request came from another site."


@dataclass(frozen=True, slots=True)
class Cookies:
    """How our cookies are called and set.

    Attributes:
        insecure: Whether they also travel over plain http. Browsers take `__Host-` cookies from https only, and from
            their own machine.
    """

    insecure: bool = False

    @property
    def device(self) -> str:
        """Return the name of the cookie that says which device this is."""
        return self._name("pullsvc-device")

    @property
    def session(self) -> str:
        """Return the name of the cookie that says who is signed in."""
        return self._name("pullsvc-session")

    def set(self, response: Response, name: str, value: str, *, lasts: timedelta) -> None:
        """Have the browser keep a cookie, for no script and no other site to see."""
        response.set_cookie(
            name,
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=not self.insecure,
            httponly=True,
            samesite="strict",
        )

    def clear(self, response: Response, name: str) -> None:
        """Have the browser forget a cookie."""
        response.delete_cookie(name, path="/", secure=not self.insecure, httponly=True, samesite="strict")

    def _name(self, name: str) -> str:
        return name if self.insecure else f"__Host-{name}"


def check_same_origin(request: Request) -> None:
    """Let a request pass that a page of ours sent, or that changes nothing.

    Browsers say so in Sec-Fetch-Site; those that do not send Origin with every writing request.

    Raises:
        CrossSite: another site sent it, or nothing says that none did.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        same = site == "same-origin"
    else:
        same = urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "") != ""
    if not same:
        raise CrossSite("Open the app at its own address and do it there; programs use an API key.")
