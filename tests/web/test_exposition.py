"""The text that Prometheus scrapes: true, parsable, and never zero where nobody knows."""

from datetime import timedelta

from headway import __version__
from headway.engine.measures import Measures
from headway.ports import Tallied
from headway.testing import NOON, FakeClock
from headway.web.exposition import exposition


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def tally() -> list[Tallied]:
    minutes = [timedelta(minutes=number) for number in range(10)]
    return [
        Tallied("dev.feature-x", "running", 1, NOON - minutes[1]),
        Tallied("dev.feature-y", "running", 2, NOON - minutes[3]),
        Tallied("production", "held", 1, NOON - minutes[5]),
        Tallied("production", "paused", 2, NOON - minutes[2]),
        Tallied("production", "pending", 7, NOON - minutes[9]),
    ]


def test_what_has_not_ended_is_told_by_environment_and_state_with_the_age_of_the_oldest() -> None:
    clock = FakeClock()
    told = samples(exposition(Measures(), tally(), clock.now()))
    assert told['headway_rollouts{environment="production",state="pending"}'] == 7
    assert told['headway_rollout_oldest_seconds{environment="production",state="pending"}'] == 540
    assert told['headway_rollouts_for_a_person{environment="production"}'] == 3
    clock.pass_time(60.0)
    later = samples(exposition(Measures(), tally(), clock.now()))
    assert later['headway_rollout_oldest_seconds{environment="production",state="pending"}'] == 600


def test_environments_of_branches_count_for_the_one_that_they_share() -> None:
    told = samples(exposition(Measures(), tally(), NOON))
    assert told['headway_rollouts{environment="dev",state="running"}'] == 3
    assert told['headway_rollout_oldest_seconds{environment="dev",state="running"}'] == 180
    assert not [name for name in told if "feature" in name]


def test_a_record_that_does_not_answer_is_no_record_without_rollouts() -> None:
    told = samples(exposition(Measures(), None, NOON))
    assert told["headway_record_up"] == 0
    assert not [name for name in told if name.startswith("headway_rollout")]
    assert samples(exposition(Measures(), [], NOON))["headway_record_up"] == 1


def test_what_this_server_did_is_counted_by_labels() -> None:
    measures = Measures()
    measures.count("rollbacks", environment="production", reason="failed verdict")
    measures.count("rollbacks", environment="production", reason="failed verdict")
    measures.count("requests", code="401")
    measures.turned(0.3)
    measures.leads = True
    told = samples(exposition(measures, [], NOON))
    assert told['headway_rollbacks_total{environment="production",reason="failed verdict"}'] == 2
    assert told['headway_http_requests_total{code="401"}'] == 1
    assert (told["headway_leader"], told[f'headway_build_info{{version="{__version__}"}}']) == (1, 1)
    assert (told['headway_turn_seconds_bucket{le="0.25"}'], told['headway_turn_seconds_bucket{le="0.5"}']) == (0, 1)
    assert (told["headway_turn_seconds_count"], told["headway_turn_seconds_sum"]) == (1, 0.3)


def test_a_label_may_say_anything() -> None:
    measures = Measures()
    measures.count("ended", environment='a "b" \\ c\nd', state="completed")
    assert r'environment="a \"b\" \\ c\nd"' in exposition(measures, [], NOON)
