"""Entity tags for what people edit: the row's version, compared before it is overwritten."""

import re
from typing import Annotated

from fastapi import Header

from pullsvc.errors import Kind, Rejection

IfMatch = Annotated[
    str | None,
    Header(max_length=100, description='Version that the edit is based on, as in `ETag`: "3". `*` takes any.'),
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=100, description="ETag already at hand: answers 304 when unchanged.")
]


class EditedMeanwhile(Rejection):
    """Somebody else saved a newer version."""

    kind = Kind.STALE_EDIT
    code = "edited-meanwhile"
    title = "Somebody changed this since you read it."


class VersionNeeded(Rejection):
    """Overwriting what exists needs the version it is based on."""

    kind = Kind.EDIT_NEEDS_VERSION
    code = "version-needed"
    title = "Say which version you are changing."


def etag(version: int) -> str:
    """Return the strong entity tag of a row's version."""
    return f'"{version}"'


def check_version(if_match: str | None, *, current: int | None) -> None:
    """Let an edit pass when it is based on the current version; current None: the thing does not exist yet.

    Raises:
        VersionNeeded: it exists and no If-Match was sent.
        EditedMeanwhile: If-Match names another version, or a version of what does not exist.
    """
    if if_match is None:
        if current is None:
            return
        raise VersionNeeded(f"Send If-Match: {etag(current)} to overwrite the present version.", version=current)
    tags = {tag.strip() for tag in if_match.split(",")}
    if current is None:
        raise EditedMeanwhile("It does not exist (any more); leave If-Match out to create it.")
    if "*" not in tags and etag(current) not in tags:
        raise EditedMeanwhile(f"The present version is {etag(current)}; read it again.", version=current)


def unchanged(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the caller already has what `tag` stands for."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in re.split(r"\s*,\s*", if_none_match.strip().replace("W/", ""))
