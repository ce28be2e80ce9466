"""The shape of a JSON answer as a set of lines: each path, with the type of what stands there.

Two servers never answer with the same bytes: identifiers, times and tokens differ. What clients depend on is which
fields there are and of which type, and for a few fields the value. Elements of an array are named by what they are
about (an event's type and state key) and not by their place, so the order of an unordered list makes no difference.
"""

import re

# Fields whose value is compared, beside its type.
VALUES = {
    "algorithm", "errcode", "event_id", "is_direct", "join_rule", "kind", "limited", "membership", "msgtype", "prev_sender",
    "preset", "rel_type", "replaces_state", "room_id", "room_type", "sender", "state_key", "status", "type", "user_id",
    "visibility", "version", "guest_access", "history_visibility", "guest_can_join", "world_readable", "name", "displayname",
    "display_name", "presence", "currently_active", "notification_count", "highlight_count", "count", "prev_content.membership",
}
# Objects whose keys are data: users, rooms, events, devices, algorithms.
IDENTIFIER = re.compile(r"^([@!#$+]|mxc://)")


class Names:
    """Gives identifiers the names that the conversation knows them by."""

    def __init__(self, server_name: str):
        self.server_name = server_name
        self.known: dict[str, str] = {}

    def learn(self, identifier: str, name: str) -> None:
        self.known[identifier] = name

    def of(self, text: str) -> str:
        for identifier, name in self.known.items():
            if identifier in text:
                text = text.replace(identifier, name)
        if text.startswith("$") and not text.startswith("${"):
            return "${event}"
        return text.replace(self.server_name, "server")


def shape(answer, names: Names) -> set[str]:
    """The lines of an answer."""
    lines: set[str] = set()
    _walk(answer, "", names, lines)
    return lines


def _walk(value, path: str, names: Names, lines: set[str]) -> None:
    if isinstance(value, dict):
        if not value:
            lines.add(f"{path} {{}}")
        for key, inner in value.items():
            _walk(inner, f"{path}.{_key(key, names)}", names, lines)
    elif isinstance(value, list):
        if not value:
            lines.add(f"{path} []")
        for inner in value:
            _walk(inner, f"{path}[{_about(inner, names)}]", names, lines)
    else:
        lines.add(f"{path} {_leaf(path, value, names)}")


def _key(key: str, names: Names) -> str:
    named = names.of(key)
    if named != key or not IDENTIFIER.match(key):
        return named
    return "${event}" if key.startswith("$") else "{id}"


def _about(value, names: Names) -> str:
    """What an element of an array is about."""
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        about = names.of(value["type"])
        if isinstance(value.get("state_key"), str):
            about += "|" + names.of(value["state_key"])
            content = value.get("content")
            if value["type"] == "m.room.member" and isinstance(content, dict):
                about += "|" + str(content.get("membership"))
        return about
    if isinstance(value, dict):
        for key in ("rule_id", "room_id", "device_id", "media_id", "user_id", "name"):
            if isinstance(value.get(key), str):
                return names.of(value[key])
    if isinstance(value, str):
        return names.of(value) if re.match(r"^[@!#]|^m\.|^\w+$", value) else ""
    return ""


def _leaf(path: str, value, names: Names) -> str:
    field = path.rsplit(".", 1)[-1]
    if field in VALUES and isinstance(value, str | bool | int):
        return repr(names.of(value)) if isinstance(value, str) else repr(value)
    kinds = {str: "string", bool: "boolean", int: "number", float: "float", type(None): "null"}
    return kinds[type(value)]
