# SPDX-License-Identifier: Apache-2.0
"""samba_fill.py SMB.CONF KEYTAB HOST USER=PASSWORD... - puts into a freshly provisioned domain,
which does not run yet, what the tests need: attributes as Exchange adds them, users, and a keytab.

Run by samba.py as a process of its own, with Samba's Python modules."""

import sys

del sys.path[0]  # samba.py beside this file is not what is meant
# pylint: disable=wrong-import-position
import ldb  # noqa: E402
import samba.dckeytab  # noqa: E402, F401  (adds export_keytab)
from samba.auth import system_session  # noqa: E402
from samba.credentials import Credentials  # noqa: E402
from samba.net import Net  # noqa: E402
from samba.param import LoadParm  # noqa: E402
from samba.samdb import SamDB  # noqa: E402

BASE = "DC=contoso,DC=example"
SCHEMA = "CN=Schema,CN=Configuration," + BASE
TEXT, NUMBER, NAME, OCTETS = ("2.5.5.12", "64"), ("2.5.5.9", "2"), ("2.5.5.1", "127"), ("2.5.5.10", "4")
# Of Exchange's schema: name, LDAP name, OID, syntax, single-valued
ATTRIBUTES = (
    ("ms-Exch-Mail-Nickname", "mailNickname", "1.2.840.113556.1.2.447", TEXT, True),
    ("ms-Exch-Home-MDB", "homeMDB", "1.2.840.113556.1.2.244", NAME, True),
    ("ms-Exch-Home-Server-Name", "msExchHomeServerName", "1.2.840.113556.1.4.7000.102.47", TEXT,
     True),
    ("ms-Exch-Mailbox-Guid", "msExchMailboxGuid", "1.2.840.113556.1.4.7000.102.11058", OCTETS,
     True),
    ("ms-Exch-Target-Address", "targetAddress", "1.2.840.113556.1.2.352", TEXT, True),
    ("ms-Exch-Public-Delegates", "publicDelegates", "1.2.840.113556.1.2.238", NAME, False),
)


def extend_schema(db):
    for name, ldap_name, oid, (syntax, om_syntax), single in ATTRIBUTES:
        entry = {"dn": f"CN={name},{SCHEMA}", "objectClass": "attributeSchema",
                 "lDAPDisplayName": ldap_name, "attributeID": oid, "attributeSyntax": syntax,
                 "oMSyntax": om_syntax, "isSingleValued": "TRUE" if single else "FALSE",
                 "searchFlags": "1"}
        if om_syntax == "127":
            entry["oMObjectClass"] = b"\x2b\x0c\x02\x87\x73\x1c\x00\x85\x4a"
        db.add(entry)
    db.modify_ldif(f"dn: CN=User,{SCHEMA}\nchangetype: modify\nadd: mayContain\n"
                   + "".join(f"mayContain: {row[1]}\n" for row in ATTRIBUTES)
                   + "mayContain: proxyAddresses\nmayContain: legacyExchangeDN\n")


def find(db, user):
    return db.search(expression=f"(sAMAccountName={user})")[0].dn


def put(db, user, **values):
    message = ldb.Message()
    message.dn = find(db, user)
    for name, value in values.items():
        message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    db.modify(message)


def add_users(db, passwords):
    for user, password in passwords.items():
        db.newuser(user, password, mailaddress=user + "@contoso.example",
                   force_password_change_at_next_login_req=user == "erin")
    put(db, "alice", proxyAddresses=["SMTP:alice@contoso.example",
                                     "smtp:a.liddell@contoso.example"])
    put(db, "bob", proxyAddresses=["SMTP:bob@contoso.example"])
    for user in ("alice", "bob"):
        put(db, user, mailNickname=user, homeMDB="CN=Configuration," + BASE,
            msExchHomeServerName="/o=Contoso/ou=First/cn=Configuration/cn=Servers/cn=MAIL",
            legacyExchangeDN="/o=Contoso/ou=First/cn=Recipients/cn=" + user)
    put(db, "bob", publicDelegates=[str(find(db, "alice"))])
    db.newgroup("Staff")
    db.add_remove_group_members("Staff", ["alice"])
    db.disable_account("(sAMAccountName=carol)")
    db.setexpiry("(sAMAccountName=dave)", -86400 * 365 * 20)


def add_many_groups(db, user):
    """So many that a ticket of the user's is longer than 12 kB in base64."""
    member = str(find(db, user))
    db.transaction_start()
    for number in range(1000):
        name = f"Group{number:04}"
        db.add({"dn": f"CN={name},CN=Users,{BASE}", "objectClass": "group", "sAMAccountName": name,
                "member": member})
    db.transaction_commit()


def main():
    config, keytab, host = sys.argv[1:4]
    passwords = dict(word.split("=", 1) for word in sys.argv[4:])
    settings = LoadParm()
    settings.load(config)
    settings.set("dsdb:schema update allowed", "true")
    db = SamDB(session_info=system_session(), lp=settings)
    extend_schema(db)
    db = SamDB(session_info=system_session(), lp=settings)  # with the new schema
    add_users(db, passwords)
    add_many_groups(db, "grace")
    names = [f"{service}/{place}" for service in ("imap", "pop", "smtp", "HTTP")
             for place in (host, "localhost")]
    put(db, "svc-mail", servicePrincipalName=names)
    # 8 + 16: AES with 128 and 256 bits
    put(db, "svc-mail", **{"msDS-SupportedEncryptionTypes": "24"})
    credentials = Credentials()
    credentials.guess(settings)
    net = Net(credentials, settings)
    for name in names:
        net.export_keytab(keytab=keytab, principal=name)


if __name__ == "__main__":
    main()
