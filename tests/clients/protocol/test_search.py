"""Search in messages: what finds what, for whom, and in which order."""

import pytest

from matrix import User, fails, ids, ok


def search(user: User, term: str, next_batch: str | None = None, **criteria) -> dict:
    body = {"search_categories": {"room_events": {"search_term": term, **criteria}}}
    params = {"next_batch": next_batch} if next_batch else {}
    return ok(user.post("/search", body, **params))["search_categories"]["room_events"]


def found(user: User, term: str, **criteria) -> list[str]:
    criteria.setdefault("order_by", "recent")
    return ids([each["result"] for each in search(user, term, **criteria)["results"]])


class TestWords:
    @pytest.mark.parametrize(
        "body, term",
        [
            ("hello, world", "hello"),
            ("Hello, World", "wORLD"),
            ("Das Café schließt", "cafe"),
            ("a cafe", "café"),
            ("Ελληνικά", "ΕΛΛΗΝΙΚΑ"),
            ("Привет, мир", "привет"),
            ("今天天气很好", "天气"),
            ("今天天气很好", "很好"),
            ("今天天气很好", "今天天气"),
            ("明日は晴れです", "晴れ"),
            ("東京タワーに行く", "タワ"),
            ("안녕하세요 세계", "하세"),
            ("部署 IM2 服务器", "im2"),
            ("部署IM2服务器", "服务"),
            ("部署IM2服务器", "IM2服务"),
            ("release v1.19 is out", "v1.19"),
            ("see https://example.org/path", "example"),
            ("one two three", "three one"),
        ],
    )
    def test_found(self, ana, body, term):
        room_id = ana.create_room()
        event_id = ana.say(room_id, body)
        ana.say(room_id, "unrelated 无关")
        assert found(ana, term) == [event_id]

    @pytest.mark.parametrize(
        "body, term", [("hello world", "hello mars"), ("今天天气", "天今"), ("今天 天气", "气今"), ("concatenate", "cat")]
    )
    def test_not_found(self, ana, body, term):
        ana.say(ana.create_room(), body)
        answer = search(ana, term)
        assert answer["results"] == [] and answer["count"] == 0

    def test_nothing_but_punctuation_finds_nothing(self, ana):
        ana.say(ana.create_room(), "hello!")
        for term in ("!", '"', "*", "' OR 1=1 --", "a\" OR \"b", "NEAR(", "^", "hello AND"):
            search(ana, term)


class TestWhatIsSearched:
    def test_names_and_topics(self, ana):
        room_id = ana.create_room(name="Gardening", topic="Roses and more")
        state = ana.full_state(room_id)
        assert found(ana, "gardening") == [state["m.room.name", ""]["event_id"]]
        assert found(ana, "roses") == [state["m.room.topic", ""]["event_id"]]
        assert found(ana, "gardening", keys=["content.body"]) == []
        assert found(ana, "gardening", keys=["content.name"]) != []

    def test_redacted_messages_are_gone(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "a secret")
        ok(ana.redact(room_id, event_id))
        assert found(ana, "secret") == []

    def test_an_edited_message_is_found_by_its_new_text(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "meet at noon")
        ana.edit(room_id, event_id, "meet at midnight")
        assert found(ana, "noon") == []
        assert len(found(ana, "midnight")) == 1

    def test_ones_own_rooms_only(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "between us")
        assert found(ben, "between") == [event_id]
        assert found(eve, "between") == []

    def test_what_was_before_ones_time(self, ana, ben):
        room_id = ana.create_room(initial_state=[
            {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "joined"}}
        ])
        ana.say(room_id, "before his time")
        ok(ana.invite(room_id, ben))
        ok(ben.join(room_id))
        after = ana.say(room_id, "in his time")
        assert found(ben, "time") == [after]

    def test_what_came_after_one_left(self, ana, ben):
        room_id = ana.room_with(ben)
        before = ana.say(room_id, "still here, a word")
        ok(ben.leave(room_id))
        ana.say(room_id, "gone, a word")
        assert set(found(ben, "word", filter={"rooms": [room_id]})) <= {before}

    def test_ignored_people(self, ana, ben):
        room_id = ana.room_with(ben)
        ben.say(room_id, "notice me")
        ok(ana.put(f"/user/{ana.id}/account_data/m.ignored_user_list", {"ignored_users": {ben.id: {}}}))
        assert found(ana, "notice") == []


class TestFilters:
    def test_rooms_and_senders(self, ana, ben):
        first, second = ana.room_with(ben), ana.room_with(ben)
        one, two, three = ana.say(first, "needle"), ben.say(first, "needle"), ben.say(second, "needle")
        assert found(ana, "needle", filter={"rooms": [first]}) == [two, one]
        assert found(ana, "needle", filter={"not_rooms": [first]}) == [three]
        assert found(ana, "needle", filter={"senders": [ben.id]}) == [three, two]
        assert found(ana, "needle", filter={"not_senders": [ben.id]}) == [one]
        assert found(ana, "needle", filter={"types": ["m.room.topic"]}) == []

    def test_a_room_one_is_not_in(self, ana, eve):
        room_id = ana.create_room()
        ana.say(room_id, "needle")
        assert found(eve, "needle", filter={"rooms": [room_id]}) == []


class TestPaging:
    def test_every_result_once(self, ana):
        room_id = ana.create_room()
        sent = [ana.say(room_id, f"Message number {number}") for number in range(20)]
        seen, batch = [], None
        while True:
            page = search(ana, "message", batch, order_by="recent", filter={"limit": 7, "rooms": [room_id]})
            assert page["count"] == 20 and len(page["results"]) <= 7
            seen += ids([each["result"] for each in page["results"]])
            batch = page.get("next_batch")
            if not batch:
                break
        assert seen == sent[::-1]

    def test_a_batch_that_is_none_is_refused(self, ana):
        body = {"search_categories": {"room_events": {"search_term": "x"}}}
        fails(ana.post("/search", body, next_batch="nonsense"), 400)


class TestAnswers:
    def test_context(self, ana):
        room_id = ana.create_room()
        sent = [ana.say(room_id, f"Message number {number}") for number in range(1, 8)]
        criteria = {"filter": {"limit": 1, "rooms": [room_id]}, "event_context": {"before_limit": 2, "after_limit": 2, "include_profile": True}}
        result = search(ana, "Message 4", order_by="recent", **criteria)["results"][0]
        assert result["result"]["event_id"] == sent[3]
        assert ids(result["context"]["events_before"]) == [sent[2], sent[1]]
        assert ids(result["context"]["events_after"]) == [sent[4], sent[5]]
        assert set(result["context"]["profile_info"]) == {ana.id}
        before = ok(ana.messages(room_id, **{"from": result["context"]["start"], "limit": 1}))["chunk"]
        assert ids(before) == [sent[0]]
        after = ok(ana.messages(room_id, **{"from": result["context"]["end"], "limit": 1, "dir": "f"}))["chunk"]
        assert ids(after) == [sent[6]]

    def test_groups_state_and_highlights(self, ana, ben):
        first, second = ana.room_with(ben), ana.room_with(ben)
        one, two = ana.say(first, "a Needle"), ben.say(second, "the needle")
        answer = search(ana, "needle", groupings={"group_by": [{"key": "room_id"}, {"key": "sender"}]}, include_state=True)
        assert answer["groups"]["room_id"][first]["results"] == [one]
        assert answer["groups"]["sender"][ben.id]["results"] == [two]
        assert {each["order"] for each in answer["groups"]["room_id"].values()} and "needle" in [each.lower() for each in answer["highlights"]]
        assert {event["type"] for event in answer["state"][first]} >= {"m.room.create", "m.room.member"}

    def test_results_have_ranks(self, ana):
        room_id = ana.create_room()
        ana.say(room_id, "needle in a long haystack of many other words which say nothing at all about it")
        best = ana.say(room_id, "needle needle")
        answer = search(ana, "needle", order_by="rank")
        assert answer["results"][0]["result"]["event_id"] == best
        ranks = [each["rank"] for each in answer["results"]]
        assert ranks == sorted(ranks, reverse=True)

    @pytest.mark.parametrize("wrong", [{}, {"search_categories": 5}, {"search_categories": {"room_events": {}}}, {"search_categories": {"room_events": {"search_term": 5}}}])
    def test_malformed(self, ana, wrong):
        fails(ana.post("/search", wrong), 400)

    def test_nobody_may(self, nobody):
        fails(nobody.post("/search", {"search_categories": {}}), 401, "M_MISSING_TOKEN")
