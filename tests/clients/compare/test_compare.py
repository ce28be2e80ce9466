"""The same conversation with this server and with Synapse: each difference has to be one that was decided on.

The specification does not name everything that clients read. What every client was tried against is what Synapse
answers, so each field that one of the two servers sends and the other does not is either mended or listed, with the
reason, in `accepted.py`.
"""

import os
import re

import pytest
from accepted import ACCEPTED
from conversation import Conversation, hold
from synapse import SHARED_SECRET, Synapse


@pytest.fixture(scope="module")
def differences(tmp_path_factory) -> list[str]:
    """Lines such as `sync: kick: - .rooms.leave […]`; with `-` what only Synapse has, with `+` what only we have."""
    ours = Conversation(os.environ["IM2_BASE_URL"].rstrip("/"), os.environ["IM2_SHARED_SECRET"])
    hold(ours)
    synapse = Synapse(tmp_path_factory.mktemp("synapse"))
    try:
        theirs = Conversation(synapse.url, SHARED_SECRET)
        hold(theirs)
    finally:
        synapse.stop()
    assert ours.answers.keys() == theirs.answers.keys()
    found = []
    for name, lines in theirs.answers.items():
        found += [f"{name}: - {line}" for line in sorted(lines - ours.answers[name])]
        found += [f"{name}: + {line}" for line in sorted(ours.answers[name] - lines)]
    return found


def test_there_is_no_difference_that_nobody_decided_on(differences):
    patterns = [re.compile(pattern) for pattern, _ in ACCEPTED]
    unknown = [line for line in differences if not any(pattern.search(line) for pattern in patterns)]
    assert not unknown, "\n" + "\n".join(unknown)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in ACCEPTED])
def test_what_is_accepted_is_still_so(differences, pattern):
    assert any(re.search(pattern, line) for line in differences), "this difference is gone: remove it from accepted.py"
