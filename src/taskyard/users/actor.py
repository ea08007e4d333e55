"""Whoever asks for something: the user behind a key or a token, and what it may do."""

from dataclasses import dataclass

from taskyard.core.errors import Forbidden
from taskyard.users.models import Role


@dataclass(frozen=True, slots=True)
class Actor:
    user_id: str
    role: Role
    scopes: frozenset[str]
    key_id: str | None = None  # None for a token of the password flow

    @property
    def sees_all_tasks(self) -> bool:
        return self.role is not Role.USER

    @property
    def manages_users(self) -> bool:
        return self.role is Role.ADMIN and "admin" in self.scopes

    def require(self, role: Role) -> None:
        """Let only this role, or one above it, go on.

        Raises:
            Forbidden: the actor's role is below.
        """
        if self.role.rank < role.rank:
            raise Forbidden(f"This takes the role `{role}`; yours is `{self.role}`.")

    def require_queues(self, queues: list[str]) -> None:
        """Let only those go on who may work on all of these queues.

        Raises:
            Forbidden: the `work` scope is limited to other queues.
        """
        if "work" in self.scopes:
            return
        closed = [queue for queue in queues if f"work:{queue}" not in self.scopes]
        if closed:
            raise Forbidden(f"These credentials may not work on: {', '.join(closed)}.")
