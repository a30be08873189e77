"""The ledger is a URL: the same story on PostgreSQL."""

from scene import lost_by_headway, straight_to_production


def test_a_good_and_a_bad_canary_on_postgresql_with_a_kill_between(play, postgres_url: str) -> None:
    scene = play(straight_to_production, database=postgres_url)
    with scene.users() as users:
        scene.ended("1.0.0")
        scene.repo.release("1.1.0")
        scene.push()
        scene.shifted("1.1.0")
        scene.kill()
        scene.start()
        scene.ended("1.1.0")
        scene.repo.release("1.2.0", fault="errors")
        scene.push()
        bad = scene.ended("1.2.0", phase="rolled back")
        counts = users.leave()
    assert lost_by_headway(counts, bad) == []
    assert scene.live() == "1.1.0"
    assert scene.headway("audit", "verify").code == 0
    assert not (scene.home / "ledger.db").exists()
