"""Settings: read once from the environment (`PULLSVC_*`), validated, frozen; unknown names are refused."""

import os
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pullsvc.clock import Clock, scaled_clock, wall_clock

PREFIX = "PULLSVC_"
# Read by the test suite and the shell scripts of the repository, not by the service.
FOREIGN = frozenset({"PULLSVC_TEST_DATABASE_URL"})


class Settings(BaseSettings):
    """Everything that can be set from outside; each field says its unit."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL to use, as postgresql://user:password@host/db; unset: the embedded one.",
    )
    database_url_file: Path | None = Field(
        default=None, description="File that holds the database URL (a mounted secret)."
    )
    data_dir: Path | None = Field(
        default=None, description="Where the embedded PostgreSQL keeps its data; unset: the user's data folder."
    )
    pg_bindir: Path | None = Field(
        default=None, description="Folder with initdb and postgres for the embedded server; unset: looked up."
    )
    pg_user: str | None = Field(
        default=None, description="User that the embedded server runs as when started by root; unset: nobody."
    )
    host: str = Field(default="127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `serve` listens on; 0: any free one.")
    pool_size: int = Field(default=8, ge=2, le=32, description="Database connections per process for requests.")
    statement_timeout_s: float = Field(default=3.0, gt=0, le=60, description="Longest statement of a request.")
    job_statement_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="Longest statement of the worker's loops and of bulk imports."
    )
    lock_timeout_s: float = Field(default=0.5, gt=0, le=10, description="Longest wait for a row lock.")
    lease_s: int = Field(
        default=900, ge=30, le=14_400, description="How long a claim lasts without a scan, in seconds."
    )
    key_cache_s: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="How long a verified API key or session is believed before it is read again.",
    )
    # Enrolling needs no caller, so it is the one thing that anybody could keep the database busy with.
    enrolments_per_minute: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="How many devices may try to enrol from one address in a minute, per process.",
    )
    session_idle_s: int = Field(
        default=600,
        ge=30,
        le=14_400,
        description="How long a session waits for its person before it locks, in seconds.",
    )
    session_max_s: int = Field(
        default=43_200, ge=600, le=86_400, description="How long a session lasts at most, in seconds."
    )
    insecure_cookies: bool = Field(
        default=False,
        description="Let browsers sign in over plain http from other machines; for a demo in a network you trust.",
    )
    tls_cert: Path | None = Field(default=None, description="Certificate chain (PEM) that `serve` answers https with.")
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of tls_cert.")
    watch_interval_s: float = Field(
        default=2.0, gt=0, le=300, description="Real seconds between two looks of the watch at a store."
    )
    sweep_interval_s: float = Field(
        default=2.0, gt=0, le=300, description="Real seconds between two sweeps for expired leases and pulls."
    )
    retention_days: int = Field(
        default=400,
        ge=33,
        le=4000,
        description="Days that ledger, sales and events are kept; counts come up to 31 days late and need what moved.",
    )
    work_days: int = Field(
        default=90,
        ge=7,
        le=4000,
        description="Days that pulls, tasks, counts, discrepancies, sessions are kept after their end.",
    )
    max_streams: int = Field(default=500, ge=1, le=10_000, description="Live event streams per process.")
    label_font: Path | None = Field(
        default=None, description="TrueType font for labels, for letters that the built-in one lacks."
    )
    log_format: str = Field(default="console", pattern="^(console|json)$", description="console or json.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Lowest level logged.")
    clock_start: AwareDatetime | None = Field(
        default=None, description="Replay: what the clock shows at clock_origin; unset: the wall clock."
    )
    clock_origin: AwareDatetime | None = Field(
        default=None, description="Replay: real time at which the clock shows clock_start; unset: start-up."
    )
    clock_speed: float = Field(default=1.0, gt=0, le=10_000, description="Replay: clock seconds per real second.")

    @model_validator(mode="after")
    def _one_source_of_the_url(self) -> "Settings":
        if self.database_url and self.database_url_file:
            raise ValueError("set PULLSVC_DATABASE_URL or PULLSVC_DATABASE_URL_FILE, not both")
        return self

    @model_validator(mode="after")
    def _a_certificate_and_its_key(self) -> "Settings":
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("set PULLSVC_TLS_CERT and PULLSVC_TLS_KEY, both or neither")
        return self

    def given_database_url(self) -> str | None:
        """Return the URL of the database that was set, or None when the embedded one is wanted."""
        if self.database_url_file:
            return self.database_url_file.read_text().strip()
        return self.database_url.get_secret_value() if self.database_url else None

    def clock(self) -> Clock:
        """Return the clock that these settings describe."""
        if self.clock_start is None:
            return wall_clock()
        return scaled_clock(start=self.clock_start, speed=self.clock_speed, origin=self.clock_origin)


def unknown_settings(environ: dict[str, str]) -> list[str]:
    """Return the PULLSVC_ variables that no setting reads, sorted: most often a typing error."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | FOREIGN
    return sorted(name for name in environ if name.upper().startswith(PREFIX) and name.upper() not in known)


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ValueError: a value is out of range, or a PULLSVC_ variable is unknown.
    """
    if unknown := unknown_settings(dict(os.environ)):
        raise ValueError(f"unknown settings: {', '.join(unknown)}; `pullsvc doctor` lists the known ones")
    return Settings()


def clock_environment(*, start: datetime, origin: datetime, speed: float) -> dict[str, str]:
    """Return the variables that make a child process tell the same scaled time."""
    return {
        f"{PREFIX}CLOCK_START": start.isoformat(),
        f"{PREFIX}CLOCK_ORIGIN": origin.isoformat(),
        f"{PREFIX}CLOCK_SPEED": str(speed),
    }
