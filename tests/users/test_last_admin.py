"""There is always an admin."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.caller import Caller
from support.people import ADA, MIA


@pytest.mark.parametrize("change", [{"role": "user"}, {"role": "moderator", "name": "Ada"}])
def test_the_last_admin_stays_one(ada: Caller, change: dict[str, str]) -> None:
    path = f"/v1/users/{ADA.id}"
    assert ada.patch(path, change).status_code == 409
    assert ada.delete(path).status_code == 409
    assert ada.get(path).json["version"] == 1


def test_the_last_admin_may_change_otherwise(ada: Caller) -> None:
    assert ada.patch(f"/v1/users/{ADA.id}", {"role": "admin", "age": 36}).status_code == 200


def test_one_of_two_admins_may_go(ada: Caller, mia: Caller) -> None:
    assert ada.patch(f"/v1/users/{MIA.id}", {"role": "admin"}).status_code == 200
    assert mia.delete(f"/v1/users/{ADA.id}").status_code == 204
    assert mia.delete(f"/v1/users/{MIA.id}").status_code == 409


@pytest.mark.parametrize("way", ["demote", "remove"])
def test_two_admins_cannot_remove_each_other(ada: Caller, mia: Caller, way: str) -> None:
    assert ada.patch(f"/v1/users/{MIA.id}", {"role": "admin"}).status_code == 200
    together = threading.Barrier(2)

    def away(caller: Caller, user_id: str) -> int:
        path = f"/v1/users/{user_id}"
        together.wait()
        return (caller.delete(path) if way == "remove" else caller.patch(path, {"role": "user"})).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(away, (ada, mia), (MIA.id, ADA.id)))

    # The slower of the two finds itself the last admin, or finds that it is none any more.
    assert len([status for status in answers if status < 300]) == 1
    assert len([status for status in answers if status in {401, 403, 409}]) == 1
