"""Forms at the door of POST /v1/auth/token, which anybody may send."""

from support.caller import Caller

TYPE = "application/x-www-form-urlencoded"


def test_a_form_of_very_many_fields_is_too_large(nobody: Caller) -> None:
    answer = nobody.post("/v1/auth/token", data="&".join(f"{n}=" for n in range(20_000)), content_type=TYPE)
    assert answer.status_code == 413


def test_a_password_that_is_too_long_is_not_called_missing(nobody: Caller) -> None:
    form = {"grant_type": "password", "username": "alice", "password": "x" * 201}
    answer = nobody.post("/v1/auth/token", data=form)
    assert [fault["detail"] for fault in answer.json["errors"]] == ["Length must be between 1 and 200."]
