"""What tally answers, without a network."""

import json
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tally.answers import Answers
from tally.settings import Settings, read
from tally.votes import Votes


class AnswersTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.votes = Votes(Path(folder.name))
        self.addCleanup(self.votes.close)
        settings = Settings(1, Path(folder.name), greeting="good day", version="1.2.3", environment="dev", debug=False)
        self.answers = Answers(settings, self.votes)

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
        answer = self.answers.answer(method, path, body)
        return int(answer.status), answer.content

    def test_the_greeting_and_the_version_come_from_the_environment(self) -> None:
        self.assertEqual(self.ask("GET", "/"), (200, {"greeting": "good day", "version": "1.2.3"}))

    def test_health_says_where_it_runs(self) -> None:
        self.assertEqual(self.ask("GET", "/health"), (200, {"status": "ok", "environment": "dev", "version": "1.2.3"}))

    def test_a_vote_is_counted(self) -> None:
        self.assertEqual(self.ask("POST", "/votes", b'{"choice": "tea"}'), (201, {"choice": "tea", "count": 1}))
        self.assertEqual(self.ask("POST", "/votes", b'{"choice": " tea "}'), (201, {"choice": "tea", "count": 2}))
        self.assertEqual(self.ask("GET", "/votes"), (200, {"votes": {"tea": 2}, "total": 2}))

    def test_no_vote_is_lost_when_many_vote_at_once(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(lambda _: self.votes.add("tea"), range(200)))
        self.assertEqual(sorted(counts), list(range(1, 201)))

    def test_what_is_not_a_vote_is_refused_with_a_reason(self) -> None:
        bad = [b"", b"tea", b"[]", b"{}", b"\xff", b"[" * 4000]
        bad += [json.dumps({"choice": choice}).encode() for choice in (3, None, "", "  ", "x" * 65, "a\nb")]
        for body in bad:
            with self.subTest(body=body[:20]):
                status, content = self.ask("POST", "/votes", body)
                self.assertEqual(status, 400)
                self.assertIn("error", content)
        self.assertEqual(self.votes.counts(), {})

    def test_unknown_places_and_methods(self) -> None:
        self.assertEqual(self.ask("GET", "/etc/passwd")[0], 404)
        self.assertEqual(self.ask("DELETE", "/votes")[0], 405)


class SettingsTest(unittest.TestCase):
    def test_a_port_that_is_none_is_refused(self) -> None:
        for port in ("", "http", "0", "65536", "-1"):
            with self.subTest(port=port), self.assertRaisesRegex(ValueError, "PORT"):
                read({"PORT": port, "HEADWAY_STATE": "state"})
