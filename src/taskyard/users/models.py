"""Users, their API keys and refresh tokens, and the guard against guessing passwords."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Model
from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json


class Role(StrEnum):
    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class User(Model):
    """Somebody who may call the API."""

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("username"),
        UniqueConstraint("email_key"),
        CheckConstraint("age BETWEEN 0 AND 150", name="age"),
        CheckConstraint("role IN ('user', 'moderator', 'admin')", name="role"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    username: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))  # case-folded: what uniqueness is decided on
    age: Mapped[int | None]
    role: Mapped[str] = mapped_column(String(20), default=Role.USER)
    password_hash: Mapped[str | None] = mapped_column(String(200))  # argon2; None: no password login
    tokens_since: Mapped[datetime] = mapped_column(Instant, default=clock.now)  # tokens issued before do not hold
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)

    __mapper_args__ = {"version_id_col": version}

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None


class Key(Model):
    """An API key; only its digest is kept."""

    __tablename__ = "key"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    hint: Mapped[str] = mapped_column(String(20))  # its first characters, to recognise it by
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class RefreshToken(Model):
    """One link of a chain of refresh tokens; using one a second time revokes its whole family."""

    __tablename__ = "refresh_token"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[str] = mapped_column(Id, index=True)
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class LoginGuard(Model):
    """Failed logins under one name, whether or not it exists."""

    __tablename__ = "login_guard"

    name: Mapped[str] = mapped_column(String(254), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failed_at: Mapped[datetime] = mapped_column(Instant, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
