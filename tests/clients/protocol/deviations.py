"""Where another server than ours is known to differ from the specification, test by test.

The suite is checked against such a server before it judges ours: with `IM2_SERVER_KIND=synapse` in the environment,
the tests listed here have to fail and all others to pass. There is no list for IM2.
"""

DEVIATIONS: dict[str, dict[str, str]] = {
    # Synapse 1.163, which claims v1.15 of the specification.
    "synapse": {
        "test_account_data::test_a_muted_sender": "does not apply sender rules",
        "test_create_room::test_a_bad_alias_is_refused[nul\\x00]": "accepts NUL in an alias",
        "test_create_room::test_a_broken_room_is_not_left_behind": "leaves the half-made room behind",
        "test_ephemeral::test_ones_own_message_reads_everything_before": "counts on after one's own message",
        "test_ephemeral::test_typing_is_needed": "answers 500",
        "test_login::test_a_named_device_is_used_and_its_old_token_ends": "keeps the older token of a reused device",
        "test_login::test_the_old_one_ends_when_the_new_token_is_used": "answers 403 M_FORBIDDEN for a used refresh token",
        "test_media::test_they_are_kept": "resets the connection",
        "test_profile::test_chinese_names_by_character": "does not tokenise Chinese on SQLite",
        "test_profile::test_nobody_changes_anothers": "answers 400 where the specification has 403",
        "test_profile::test_who_does_not_exist_has_none": "answers M_UNKNOWN instead of M_NOT_FOUND",
        "test_registration::test_guests_are_accepted_or_refused_in_words": "answers M_UNKNOWN",
        "test_relations::test_an_edit_needs_its_new_content": "aggregates edits without m.new_content",
        "test_requests::test_numbers_outside_canonical_json_are_refused[1e400]": "answers 500",
        "test_requests::test_wrong_types_are_refused": "answers 500 to an initial_state of numbers",
        "test_sync::test_nonsense_is_refused": "answers 500 to a malformed filter",
        "test_sync::test_rooms": "shows rooms under not_rooms in a first sync",
        "test_sync::test_the_state_at_the_end_of_the_timeline": "knows state_after (v1.16) under an unstable name only",
        "test_sync::test_the_summary_names_the_heroes": "sends the summary to lazily loading clients only",
    },
}
