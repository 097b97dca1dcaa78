#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternd --check names settings of logins that are allowed and can hardly be meant, with file and line."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

HERE = {"protocol": "pop3", "address": "127.0.0.1:1110"}


def warnings(auth, listener):
    """What --check says, a line each, without file and line; every one must have both."""
    for plugin in ("storage-memory", "directory-file", "auth", "pop3"):
        if not postern.built(plugin):
            postern.skip(plugin + " is not built")
    done = postern.check({"plugin storage-memory": {},
                          "plugin directory-file": {"file": "/dev/null", "domains": "a.example"},
                          "plugin auth": auth, "plugin pop3": {},
                          "listener pop3": {**HERE, **listener},
                          # switched off: nobody minds what it says
                          "listener old": {**HERE, "enabled": False, "ntlmv1": True}})
    assert done.returncode == 0, done.stdout + done.stderr
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        if ": warning: " in line:
            place, _, text = line.partition(": warning: ")
            assert int(place.rsplit(":", 1)[1]) > 0, line
            found.append(text)
    return found


def what_is_meant_is_not_warned_of():
    found = warnings({"credentials": "directory-file:directory-file", "trusted_networks": "10.0.0.0/8 unix"},
                     {"sasl_mechanisms": "PLAIN NTLM", "ntlmv1": True,
                      "integrated_windows_authentication": True})
    assert found == [], found


def names_that_are_not_there_are_warned_of():
    found = warnings({"credentials": "directory-fiel:directory-file directory-file:directory-flie plain"}, {})
    assert found == [
        "credentials: no plugin here provides a directory named directory-fiel",
        "credentials: no plugin here verifies users as directory-flie: those of this directory cannot log in",
        "credentials: plain is not DIRECTORY:SOURCE or DIRECTORY:SOURCE+SOURCE",
    ], found


def more_sources_than_are_asked_are_warned_of():
    found = warnings({"credentials": "directory-file:" + "+".join(["directory-file"] * 5)}, {})
    assert len(found) == 1 and "more than 4 sources" in found[0], found


def networks_that_are_none_are_warned_of():
    found = warnings({"trusted_networks": "10.0.0.0/8 10.0.0.0/33"}, {})
    assert found == ["trusted_networks: 10.0.0.0/33 is no network, as 10.0.0.0/8, ::1 or unix"], found


def windows_mechanisms_need_their_switch():
    found = warnings({}, {"sasl_mechanisms": "PLAIN ntlm GSSAPI", "ntlmv1": True})
    switch = "without integrated_windows_authentication = yes"
    assert [text for text in found if switch in text] == [
        "sasl_mechanisms: ntlm is not offered " + switch,
        "sasl_mechanisms: GSSAPI is not offered " + switch,
        "ntlmv1: means nothing " + switch,
    ], found


if __name__ == "__main__":
    postern.run(what_is_meant_is_not_warned_of, names_that_are_not_there_are_warned_of,
                more_sources_than_are_asked_are_warned_of, networks_that_are_none_are_warned_of,
                windows_mechanisms_need_their_switch)
