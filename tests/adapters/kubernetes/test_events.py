"""Events as the cluster counts them: the same news of the same object is one Event."""

from datetime import UTC, datetime

from kube_things import DEPLOYMENT, PLACE, changed, workload

from headway.adapters.kubernetes.events import event
from headway.adapters.kubernetes.kinds import DEPLOYMENT as KIND
from headway.rollout.news import News

AT = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
THERE = changed(changed(DEPLOYMENT, "metadata", "uid", to="u1"), "metadata", "namespace", to="prod")


def test_an_event_says_of_what_it_is_and_since_when() -> None:
    made = event(News(PLACE, workload(), "RolledBack", "1.4.0 went back", bad=True), KIND, THERE, AT)
    assert made["involvedObject"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "namespace": "prod", "uid": "u1"}
    assert (made["type"], made["reason"], made["message"], made["count"]) == ("Warning", "RolledBack", "1.4.0 went back", 1)
    assert made["firstTimestamp"] == "2030-01-01T12:00:00Z"


def test_the_same_news_have_the_same_name_and_others_another() -> None:
    news = News(PLACE, workload(), "Routed", "20 % to it", traffic=True)
    name = event(news, KIND, THERE, AT)["metadata"]["name"]
    assert event(news, KIND, THERE, AT.replace(hour=13))["metadata"]["name"] == name
    assert event(News(PLACE, workload(), "Routed", "50 % to it"), KIND, THERE, AT)["metadata"]["name"] != name
