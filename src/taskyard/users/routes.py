"""Users and one's own profile over HTTP."""

from typing import Any

from flask import Response

from taskyard.users import accounts, profile
from taskyard.users.current import current_actor
from taskyard.users.models import User
from taskyard.users.schemas import ProfilePatch, UserIn, UserOut, UserPage, UserPatch, UserQuery
from taskyard.web import answers, idempotency, pagination, versions
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.versions import versioned

blp = Blueprint("users", __name__, url_prefix="/v1", description="Who may call the API: managed by admins.")
profile_blp = Blueprint("profile", __name__, url_prefix="/v1", description="Your own user.")
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@blp.route("/users")
class Users(MethodView):
    @blp.arguments(UserQuery(), location="query")
    @blp.response(200, UserPage())
    @pagination.paged
    @scope("admin")
    def get(self, query: dict[str, Any]) -> Any:
        """List users"""
        rows = accounts.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda user: user.id)
        return {"users": page}, 200, headers

    @blp.arguments(UserIn())
    @blp.response(201, UserOut(), headers=LOCATION)
    @idempotency.idempotent
    @versioned
    @refuses(409)
    @scope("admin")
    def post(self, sent: dict[str, Any]) -> Any:
        """Create a user"""
        user = accounts.create(current_actor(), sent)
        return user, 201, {"Location": f"/v1/users/{user.id}"}


@blp.route("/users/<id:user_id>")
class UserById(MethodView):
    @blp.response(200, UserOut())
    @versioned
    @refuses(404)
    @scope("admin")
    def get(self, user_id: str) -> User:
        """Get a user"""
        return accounts.get(current_actor(), user_id)

    @blp.arguments(UserPatch())
    @blp.response(200, UserOut())
    @versioned
    @refuses(404, 409)
    @scope("admin")
    def patch(self, sent: dict[str, Any], user_id: str) -> User:
        """Change a user"""
        return accounts.change(current_actor(), user_id, sent, versions.expected())

    @blp.response(204)
    @versions.conditional
    @refuses(404, 409)
    @scope("admin")
    def delete(self, user_id: str) -> Response:
        """Remove a user"""
        accounts.remove(current_actor(), user_id, versions.expected())
        return answers.nothing()


@profile_blp.route("/profile")
class Profile(MethodView):
    @profile_blp.response(200, UserOut())
    @versioned
    @scope("read")
    def get(self) -> User:
        """Get your profile"""
        return profile.get(current_actor())

    @profile_blp.arguments(ProfilePatch())
    @profile_blp.response(200, UserOut())
    @versioned
    @refuses(409, 429)
    @scope("write")
    def patch(self, sent: dict[str, Any]) -> User:
        """Change your profile"""
        return profile.change(current_actor(), sent, versions.expected())
