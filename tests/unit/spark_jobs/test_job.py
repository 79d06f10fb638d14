"""How an answer represents people and films."""

from spark_jobs.job import film, person


def test_ids_have_at_least_seven_digits() -> None:
    assert person(33, {33: "Alfred Hitchcock"}) == {
        "id": "nm0000033",
        "name": "Alfred Hitchcock",
        "link": "https://www.imdb.com/name/nm0000033/",
    }
    assert person(17_000_001, {})["id"] == "nm17000001"


def test_the_name_is_absent_if_it_is_unknown() -> None:
    assert "name" not in person(33, {})


def test_a_film_without_a_year_and_a_name_has_its_id_as_name() -> None:
    assert film(12, None, None, 74, 5) == {"id": "tt0000012", "name": "tt0000012", "rating": 7.4, "votes": 5}
