"""How a result tells of people and films."""

from spark_jobs import answer
from spark_jobs.engine import Lines


def test_ids_have_at_least_seven_digits() -> None:
    assert answer.person(33, {33: "Alfred Hitchcock"}) == {
        "id": "nm0000033",
        "name": "Alfred Hitchcock",
        "link": "https://www.imdb.com/name/nm0000033/",
    }
    assert answer.person(17_000_001, {})["id"] == "nm17000001"


def test_a_person_without_a_name_has_none() -> None:
    assert "name" not in answer.person(33, {})


def test_a_film_may_lack_a_year_and_goes_by_its_id_without_a_name() -> None:
    assert answer.film(12, None, None, 74, 5) == {"id": "tt0000012", "name": "tt0000012", "rating": 7.4, "votes": 5}


def test_what_was_left_out() -> None:
    lines = {"crew": Lines("a", 10, 2), "names": Lines("b", 10, 1)}
    assert answer.left_out(lines, [33, 44], {33: "Alfred Hitchcock"}) == {
        "unreadableLines": 3,
        "peopleWithoutName": ["nm0000044"],
    }
