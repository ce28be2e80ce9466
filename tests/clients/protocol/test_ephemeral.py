"""Typing, receipts, read markers, unread counts, ignored users."""

import pytest

from matrix import events_of, fails, joined, ok, path, rooms, timeline


def counts(reader, room_id) -> tuple[int, int]:
    room = joined(reader.sync(), room_id)["unread_notifications"]
    return room["notification_count"], room["highlight_count"]


class TestTyping:
    def typing(self, user, room_id, typing: bool, **more):
        return user.put(path("rooms", room_id, "typing", user.id), {"typing": typing, **more})

    def test_it_is_seen_and_ends(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        ok(self.typing(ana, room_id, True, timeout=30_000))
        stream.ephemeral(room_id, "m.typing", lambda content: content["user_ids"] == [ana.id])
        ok(self.typing(ana, room_id, False))
        stream.ephemeral(room_id, "m.typing", lambda content: content["user_ids"] == [])

    def test_it_ends_by_itself(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        ok(self.typing(ana, room_id, True, timeout=500))
        stream.ephemeral(room_id, "m.typing", lambda content: content["user_ids"] == [ana.id])
        stream.ephemeral(room_id, "m.typing", lambda content: content["user_ids"] == [])

    def test_several_at_once(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        stream = ana.follow()
        for person in (ben, eve):
            ok(self.typing(person, room_id, True, timeout=30_000))
        both = sorted([ben.id, eve.id])
        stream.ephemeral(room_id, "m.typing", lambda content: sorted(content["user_ids"]) == both)

    def test_nobody_types_for_another_or_from_outside(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        response = ana.put(path("rooms", room_id, "typing", ben.id), {"typing": True, "timeout": 1_000})
        assert response.status_code in (400, 403), response.text
        fails(self.typing(eve, room_id, True, timeout=1_000), 403, "M_FORBIDDEN")

    def test_typing_is_needed(self, ana):
        room_id = ana.create_room()
        fails(ana.put(path("rooms", room_id, "typing", ana.id), {}), 400)


class TestReceipts:
    def test_a_public_one_is_seen_by_all(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "read me")
        stream = ana.follow()
        ok(ben.receipt(room_id, event_id))
        content = stream.ephemeral(room_id, "m.receipt", lambda content: event_id in content)
        assert content[event_id]["m.read"][ben.id]["ts"] > 0

    def test_a_private_one_is_seen_by_oneself(self, ana, ben):
        room_id = ana.room_with(ben)
        first, second = ana.say(room_id, "one"), ana.say(room_id, "two")
        mine, others = ben.follow(), ana.follow()
        ok(ben.receipt(room_id, first, "m.read.private"))
        content = mine.ephemeral(room_id, "m.receipt", lambda content: first in content)
        assert ben.id in content[first]["m.read.private"]
        ok(ben.receipt(room_id, second))
        answers = []
        others.until("the public one", lambda answer: answers.append(answer) or second in str(events_of(joined(answer, room_id), "ephemeral")))
        assert "m.read.private" not in str(answers)

    def test_it_is_part_of_a_first_sync(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "read me")
        ok(ben.receipt(room_id, event_id))
        events = events_of(joined(ana.sync(), room_id), "ephemeral")
        receipts = [each["content"] for each in events if each["type"] == "m.receipt"]
        assert ben.id in receipts[0][event_id]["m.read"]

    def test_it_does_not_go_back(self, ana, ben):
        room_id = ana.room_with(ben)
        first, second = ana.say(room_id, "one"), ana.say(room_id, "two")
        ok(ben.receipt(room_id, second))
        ben.receipt(room_id, first)
        assert counts(ben, room_id) == (0, 0)
        events = events_of(joined(ana.sync(), room_id), "ephemeral")
        receipts = [each["content"] for each in events if each["type"] == "m.receipt"][0]
        assert ben.id in receipts[second]["m.read"]

    def test_threads_have_their_own(self, ana, ben):
        room_id = ana.room_with(ben)
        root = ana.say(room_id, "root")
        reply = ana.reply_in_thread(room_id, root, "reply")
        stream = ana.follow()
        ok(ben.receipt(room_id, reply, body={"thread_id": root}))
        content = stream.ephemeral(room_id, "m.receipt", lambda content: reply in content)
        assert content[reply]["m.read"][ben.id]["thread_id"] == root
        ok(ben.receipt(room_id, root, body={"thread_id": "main"}))
        content = stream.ephemeral(room_id, "m.receipt", lambda content: root in content)
        assert content[root]["m.read"][ben.id]["thread_id"] == "main"

    @pytest.mark.parametrize("thread_id", ["", 5, [], None])
    def test_a_thread_has_to_be_a_name(self, ana, thread_id):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        fails(ana.receipt(room_id, event_id, body={"thread_id": thread_id}), 400)

    def test_a_thread_has_to_be_the_events(self, ana):
        room_id = ana.create_room()
        event_id, other = ana.say(room_id, "x"), ana.say(room_id, "root")
        ana.reply_in_thread(room_id, other, "reply")
        fails(ana.receipt(room_id, event_id, body={"thread_id": other}), 400)
        fails(ana.receipt(room_id, event_id, "m.fully_read", {"thread_id": "main"}), 400)

    def test_kinds_rooms_and_events_have_to_exist(self, ana, eve):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        fails(ana.receipt(room_id, event_id, "org.example.kind"), 400)
        fails(eve.receipt(room_id, event_id), 403, "M_FORBIDDEN")


class TestMarkers:
    def test_all_three_at_once(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "x")
        stream = ana.follow()
        body = {"m.fully_read": event_id, "m.read": event_id}
        ok(ben.post(path("rooms", room_id, "read_markers"), body))
        stream.ephemeral(room_id, "m.receipt", lambda content: ben.id in content.get(event_id, {}).get("m.read", {}))
        events = events_of(joined(ben.sync(), room_id), "account_data")
        assert {"type": "m.fully_read", "content": {"event_id": event_id}} in events

    def test_the_marker_as_a_receipt(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        ok(ana.receipt(room_id, event_id, "m.fully_read"))
        events = events_of(joined(ana.sync(), room_id), "account_data")
        assert {"type": "m.fully_read", "content": {"event_id": event_id}} in events

    def test_the_marker_is_the_servers(self, ana):
        room_id = ana.create_room()
        where = path("user", ana.id, "rooms", room_id, "account_data", "m.fully_read")
        fails(ana.put(where, {"event_id": "$x"}), 405)


class TestCounts:
    def test_messages_of_others_count_until_read(self, ana, ben):
        room_id = ana.room_with(ben)
        first = ana.say(room_id, "one")
        ana.say(room_id, "two")
        assert counts(ben, room_id) == (2, 0)
        assert counts(ana, room_id) == (0, 0)
        ok(ben.receipt(room_id, first))
        assert counts(ben, room_id) == (1, 0)

    def test_ones_own_message_reads_everything_before(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say(room_id, "one")
        ben.say(room_id, "answer")
        assert counts(ben, room_id) == (0, 0)

    def test_mentions_highlight(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say(room_id, "hello", **{"m.mentions": {"user_ids": [ben.id]}})
        ana.say(room_id, "hello", **{"m.mentions": {"user_ids": []}})
        assert counts(ben, room_id) == (2, 1)

    def test_reactions_and_edits_do_not_count(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "one")
        ok(ben.receipt(room_id, event_id))
        ok(ana.react(room_id, event_id, "👍"))
        ana.edit(room_id, event_id, "one, edited")
        assert counts(ben, room_id) == (0, 0)

    def test_a_redacted_mention_does_not_stay(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "hello", **{"m.mentions": {"user_ids": [ben.id]}})
        assert counts(ben, room_id) == (1, 1)
        ok(ana.redact(room_id, event_id))
        assert counts(ben, room_id)[1] == 0

    def test_private_receipts_count_as_well(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "one")
        ok(ben.receipt(room_id, event_id, "m.read.private"))
        assert counts(ben, room_id) == (0, 0)

    def test_threads_are_counted_apart_on_request(self, ana, ben):
        room_id = ana.room_with(ben)
        root = ana.say(room_id, "root")
        ana.reply_in_thread(room_id, root, "one")
        ana.reply_in_thread(room_id, root, "two")
        definition = {"room": {"timeline": {"unread_thread_notifications": True}}}
        room = joined(ben.sync(filter=definition), room_id)
        assert room["unread_notifications"]["notification_count"] == 1
        assert room["unread_thread_notifications"][root]["notification_count"] == 2
        assert counts(ben, room_id) == (3, 0)

    def test_reading_a_thread_leaves_the_others(self, ana, ben):
        room_id = ana.room_with(ben)
        root = ana.say(room_id, "root")
        reply = ana.reply_in_thread(room_id, root, "one")
        definition = {"room": {"timeline": {"unread_thread_notifications": True}}}
        ok(ben.receipt(room_id, reply, body={"thread_id": root}))
        room = joined(ben.sync(filter=definition), room_id)
        assert room["unread_notifications"]["notification_count"] == 1
        assert root not in room.get("unread_thread_notifications", {})
        ok(ben.receipt(room_id, reply))
        room = joined(ben.sync(filter=definition), room_id)
        assert room["unread_notifications"]["notification_count"] == 0


class TestNotifications:
    def test_they_are_listed_newest_first(self, ana, ben):
        room_id = ana.room_with(ben)
        sent = ana.say_lines(room_id, 3)
        notifications = ok(ben.get("/notifications"))["notifications"]
        mine = [each for each in notifications if each["room_id"] == room_id and each["event"]["type"] == "m.room.message"]
        assert [each["event"]["event_id"] for each in mine] == sent[::-1]
        assert all("notify" in each["actions"] and each["read"] is False and each["ts"] > 0 for each in mine)
        ok(ben.receipt(room_id, sent[1]))
        notifications = ok(ben.get("/notifications"))["notifications"]
        read = {each["event"]["event_id"]: each["read"] for each in notifications}
        assert [read[each] for each in sent] == [True, True, False]

    def test_paging_and_highlights(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say_lines(room_id, 4)
        loud = ana.say(room_id, "hello", **{"m.mentions": {"user_ids": [ben.id]}})
        page = ok(ben.get("/notifications", limit=2))
        assert len(page["notifications"]) == 2
        more = ok(ben.get("/notifications", limit=50, **{"from": page["next_token"]}))["notifications"]
        everything = [each["event"]["event_id"] for each in page["notifications"] + more]
        assert len(everything) == len(set(everything)) >= 5
        only = ok(ben.get("/notifications", only="highlight"))["notifications"]
        assert [each["event"]["event_id"] for each in only] == [loud]


class TestIgnoredUsers:
    def ignore(self, user, *others):
        content = {"ignored_users": {other.id: {} for other in others}}
        ok(user.put(path("user", user.id, "account_data", "m.ignored_user_list"), content))

    def test_their_messages_are_not_sent(self, ana, eve):
        room_id = ana.room_with(eve)
        self.ignore(ana, eve)
        stream = ana.follow()
        eve.say(room_id, "can you hear me?")
        own = ana.say(room_id, "silence")
        assert [each["event_id"] for each in timeline(stream.step(), room_id)] == [own]
        assert counts(ana, room_id) == (0, 0)

    def test_their_state_is(self, ana, eve):
        room_id = ana.room_with(eve)
        self.ignore(ana, eve)
        stream = ana.follow()
        ok(eve.leave(room_id))
        events = timeline(stream.step(), room_id)
        assert [(each["type"], each["state_key"]) for each in events] == [("m.room.member", eve.id)]

    def test_their_invitations_are_not_sent(self, ana, eve):
        self.ignore(ana, eve)
        eve.create_room(invite=[ana.id])
        assert rooms(ana.sync(), "invite") == {}

    def test_it_can_be_undone(self, ana, eve):
        room_id = ana.room_with(eve)
        self.ignore(ana, eve)
        self.ignore(ana)
        event_id = eve.say(room_id, "and now?")
        assert event_id in str(ana.sync())
