"""Relations: edits, reactions, references, threads, and their aggregation."""

import pytest

from matrix import V1, fails, ids, ok, path, timeline


def related(reader, room_id, event_id, *rest, **params):
    return reader.get(path("rooms", room_id, "relations", event_id, *rest, prefix=V1), **params)


def aggregated(reader, room_id, event_id) -> dict:
    return ok(reader.event(room_id, event_id)).get("unsigned", {}).get("m.relations", {})


class TestRelations:
    def test_children_by_relation_and_type(self, ana, ben):
        room_id = ana.room_with(ben)
        parent = ana.say(room_id, "parent")
        reaction = ok(ben.react(room_id, parent, "👍"))["event_id"]
        edit = ana.edit(room_id, parent, "edited")
        reference = ok(ana.send(room_id, {"m.relates_to": {"rel_type": "m.reference", "event_id": parent}}, "org.example.note"))["event_id"]
        assert ids(ok(related(ben, room_id, parent))["chunk"]) == [reference, edit, reaction]
        assert ids(ok(related(ben, room_id, parent, dir="f"))["chunk"]) == [reaction, edit, reference]
        assert ids(ok(related(ben, room_id, parent, "m.annotation"))["chunk"]) == [reaction]
        assert ids(ok(related(ben, room_id, parent, "m.annotation", "m.reaction"))["chunk"]) == [reaction]
        assert ids(ok(related(ben, room_id, parent, "m.annotation", "org.example.note"))["chunk"]) == []

    def test_paging(self, ana):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        sent = [ok(ana.react(room_id, parent, key))["event_id"] for key in "abcdefg"]
        seen, params = [], {"limit": 3}
        while True:
            page = ok(related(ana, room_id, parent, **params))
            assert len(page["chunk"]) <= 3
            seen += ids(page["chunk"])
            if "next_batch" not in page:
                break
            params["from"] = page["next_batch"]
        assert seen == sent[::-1]

    def test_children_of_children_when_asked_for(self, ana):
        room_id = ana.create_room()
        root = ana.say(room_id, "root")
        reply = ana.reply_in_thread(room_id, root, "reply")
        reaction = ok(ana.react(room_id, reply, "👍"))["event_id"]
        assert ids(ok(related(ana, room_id, root))["chunk"]) == [reply]
        assert ids(ok(related(ana, room_id, root, recurse="true"))["chunk"]) == [reaction, reply]

    def test_unknown_parents_and_strangers(self, ana, eve):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        fails(related(ana, room_id, "$nothing"), 404)
        response = related(eve, room_id, parent)
        assert response.status_code in (403, 404), response.text

    def test_redacted_children_no_longer_relate(self, ana):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        reaction = ok(ana.react(room_id, parent, "👍"))["event_id"]
        ok(ana.redact(room_id, reaction))
        assert ok(related(ana, room_id, parent))["chunk"] == []

    def test_references_are_listed_on_their_parent(self, ana):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        content = {"m.relates_to": {"rel_type": "m.reference", "event_id": parent}}
        sent = [ok(ana.send(room_id, content, "org.example.note"))["event_id"] for _ in range(2)]
        assert ids(aggregated(ana, room_id, parent)["m.reference"]["chunk"]) == sent

    def test_a_relation_into_another_room_does_not_count(self, ana):
        room_id, other = ana.create_room(), ana.create_room()
        parent = ana.say(other, "parent")
        relation = {"rel_type": "m.replace", "event_id": parent}
        response = ana.send(room_id, {"body": "* x", "m.new_content": {"body": "x"}, "m.relates_to": relation})
        assert response.status_code < 500, response.text
        assert aggregated(ana, other, parent) == {}


class TestReactions:
    def test_each_once_per_person_and_key(self, ana, ben):
        room_id = ana.room_with(ben)
        parent = ana.say(room_id, "parent")
        ok(ana.react(room_id, parent, "👍"))
        fails(ana.react(room_id, parent, "👍"), 400, "M_DUPLICATE_ANNOTATION")
        ok(ana.react(room_id, parent, "🎉"))
        ok(ben.react(room_id, parent, "👍"))

    def test_again_after_taking_it_back(self, ana):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        reaction = ok(ana.react(room_id, parent, "👍"))["event_id"]
        ok(ana.redact(room_id, reaction))
        ok(ana.react(room_id, parent, "👍"))

    def test_they_are_not_aggregated_by_the_server(self, ana):
        room_id = ana.create_room()
        parent = ana.say(room_id, "parent")
        ok(ana.react(room_id, parent, "👍"))
        assert "m.annotation" not in aggregated(ana, room_id, parent)


class TestEdits:
    def test_the_newest_edit_is_with_the_event(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "first")
        ana.edit(room_id, event_id, "second")
        last = ana.edit(room_id, event_id, "third")
        for event in (
            ok(ben.event(room_id, event_id)),
            next(each for each in ok(ben.messages(room_id, limit=50))["chunk"] if each["event_id"] == event_id),
            next(each for each in timeline(ben.sync(), room_id) if each["event_id"] == event_id),
            ok(ben.get(path("rooms", room_id, "context", event_id)))["event"],
        ):
            assert event["content"]["body"] == "first"
            replacement = event["unsigned"]["m.relations"]["m.replace"]
            assert replacement["event_id"] == last
            assert replacement["content"]["m.new_content"]["body"] == "third"
            assert (replacement["sender"], replacement["type"]) == (ana.id, "m.room.message")

    def test_only_the_author_edits(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "Ana's")
        response = ben.send(
            room_id,
            {
                "msgtype": "m.text",
                "body": "* Ben's",
                "m.new_content": {"msgtype": "m.text", "body": "Ben's"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
            },
        )
        assert response.status_code < 500
        assert aggregated(ana, room_id, event_id) == {}

    def test_only_the_same_type_edits(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "message")
        relation = {"rel_type": "m.replace", "event_id": event_id}
        ana.send(room_id, {"m.new_content": {"body": "x"}, "m.relates_to": relation}, "org.example.other")
        assert aggregated(ana, room_id, event_id) == {}

    def test_an_edit_needs_its_new_content(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "message")
        ana.send(room_id, {"msgtype": "m.text", "body": "* x", "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}})
        assert aggregated(ana, room_id, event_id) == {}

    def test_an_edit_is_not_edited(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "first")
        edit = ana.edit(room_id, event_id, "second")
        ana.edit(room_id, edit, "third")
        assert aggregated(ana, room_id, event_id)["m.replace"]["event_id"] == edit
        assert aggregated(ana, room_id, edit) == {}

    def test_a_redacted_edit_uncovers_the_one_before(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "first")
        first = ana.edit(room_id, event_id, "second")
        second = ana.edit(room_id, event_id, "third")
        ok(ana.redact(room_id, second))
        assert aggregated(ana, room_id, event_id)["m.replace"]["event_id"] == first
        ok(ana.redact(room_id, first))
        assert aggregated(ana, room_id, event_id) == {}

    def test_a_redacted_message_is_no_longer_edited(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "first")
        ana.edit(room_id, event_id, "second")
        ok(ana.redact(room_id, event_id))
        assert "m.replace" not in aggregated(ana, room_id, event_id)

    def test_state_is_not_edited(self, ana):
        room_id = ana.create_room(name="Before")
        name = ana.full_state(room_id)[("m.room.name", "")]["event_id"]
        relation = {"rel_type": "m.replace", "event_id": name}
        content = {"name": "* After", "m.new_content": {"name": "After"}, "m.relates_to": relation}
        ana.send(room_id, content, "m.room.name")
        assert aggregated(ana, room_id, name) == {}


class TestThreads:
    def threads(self, reader, room_id, **params):
        return reader.get(path("rooms", room_id, "threads", prefix=V1), **params)

    def test_the_root_sums_up_its_thread(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        root = ana.say(room_id, "root")
        ana.reply_in_thread(room_id, root, "one")
        last = ben.reply_in_thread(room_id, root, "two")
        for reader, participated in ((ana, True), (ben, True), (eve, False)):
            summary = aggregated(reader, room_id, root)["m.thread"]
            assert summary["count"] == 2
            assert summary["latest_event"]["event_id"] == last
            assert summary["latest_event"]["content"]["body"] == "two"
            assert summary["current_user_participated"] is participated

    def test_starting_a_thread_is_not_taking_part_unless_one_replies(self, ana, ben):
        room_id = ana.room_with(ben)
        root = ana.say(room_id, "root")
        ben.reply_in_thread(room_id, root, "one")
        assert aggregated(ana, room_id, root)["m.thread"]["current_user_participated"] is True

    def test_the_latest_reply_carries_its_edit(self, ana):
        room_id = ana.create_room()
        root = ana.say(room_id, "root")
        reply = ana.reply_in_thread(room_id, root, "typo")
        edit = ana.edit(room_id, reply, "no typo")
        latest = aggregated(ana, room_id, root)["m.thread"]["latest_event"]
        assert latest["event_id"] == reply
        assert latest["unsigned"]["m.relations"]["m.replace"]["event_id"] == edit

    def test_a_redacted_reply_is_not_counted(self, ana):
        room_id = ana.create_room()
        root = ana.say(room_id, "root")
        first = ana.reply_in_thread(room_id, root, "one")
        second = ana.reply_in_thread(room_id, root, "two")
        ok(ana.redact(room_id, second))
        summary = aggregated(ana, room_id, root)["m.thread"]
        assert (summary["count"], summary["latest_event"]["event_id"]) == (1, first)
        ok(ana.redact(room_id, first))
        assert "m.thread" not in aggregated(ana, room_id, root)

    def test_the_list_has_the_latest_active_first(self, ana, ben):
        room_id = ana.room_with(ben)
        roots = [ana.say(room_id, f"root {index}") for index in range(3)]
        for root in roots:
            ben.reply_in_thread(room_id, root, "reply")
        ana.reply_in_thread(room_id, roots[0], "again")
        chunk = ok(self.threads(ana, room_id))["chunk"]
        assert ids(chunk) == [roots[0], roots[2], roots[1]]
        assert chunk[0]["unsigned"]["m.relations"]["m.thread"]["count"] == 2

    def test_only_those_one_took_part_in(self, ana, ben):
        room_id = ana.room_with(ben)
        mine, his = ana.say(room_id, "root"), ben.say(room_id, "other root")
        ben.reply_in_thread(room_id, his, "to myself")
        ana.reply_in_thread(room_id, mine, "reply")
        assert ids(ok(self.threads(ana, room_id, include="participated"))["chunk"]) == [mine]
        assert ids(ok(self.threads(ana, room_id, include="all"))["chunk"]) == [mine, his]

    def test_paging(self, ana):
        room_id = ana.create_room()
        roots = [ana.say(room_id, f"root {index}") for index in range(5)]
        for root in roots:
            ana.reply_in_thread(room_id, root, "reply")
        seen, params = [], {"limit": 2}
        while True:
            page = ok(self.threads(ana, room_id, **params))
            seen += ids(page["chunk"])
            if "next_batch" not in page:
                break
            params["from"] = page["next_batch"]
        assert seen == roots[::-1]

    def test_no_threads_and_no_strangers(self, ana, eve):
        room_id = ana.create_room()
        assert ok(self.threads(ana, room_id))["chunk"] == []
        fails(self.threads(eve, room_id), 403, "M_FORBIDDEN")

    def test_a_thread_starts_from_no_child_of_another_relation(self, ana):
        room_id = ana.create_room()
        root = ana.say(room_id, "root")
        reply = ana.reply_in_thread(room_id, root, "one")
        relation = {"rel_type": "m.thread", "event_id": reply}
        response = ana.send(room_id, {"msgtype": "m.text", "body": "nested", "m.relates_to": relation})
        fails(response, 400)


@pytest.mark.parametrize("relation", ["text", 5, [], {"rel_type": 5, "event_id": "$x"}, {"rel_type": "m.thread", "event_id": 5}])
def test_malformed_relations_never_break_the_server(ana, relation):
    room_id = ana.create_room()
    response = ana.send(room_id, {"msgtype": "m.text", "body": "x", "m.relates_to": relation})
    assert response.status_code < 500, response.text
    ok(ana.messages(room_id, limit=50))
    ana.sync()
