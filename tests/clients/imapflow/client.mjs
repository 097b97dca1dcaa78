// SPDX-License-Identifier: Apache-2.0
// client.mjs - what tests/clients/imapflow.py lets imapflow do; NODE_PATH's folder has the package.
//
//   node client.mjs SETTINGS      {"port", "secure", "ca", "user", "pass", "modules", "fresh"}
//
// Prints one JSON object: {"hashes": {uid: sha256}, ...}. An exception ends it with status 1.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';

const settings = JSON.parse(process.argv[2]);
const { ImapFlow } = createRequire(settings.modules + '/')('imapflow');

async function connect(extra) {
  const client = new ImapFlow({
    host: 'localhost', port: settings.port, secure: settings.secure, logger: false,
    auth: { user: settings.user, pass: settings.pass }, tls: { ca: readFileSync(settings.ca) },
    qresync: true, ...extra
  });
  client.on('error', error => { throw error; });
  await client.connect();
  return client;
}

const sha256 = octets => createHash('sha256').update(octets).digest('hex');

function event(client, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no event ' + name)), 20000);
    client.once(name, told => { clearTimeout(timer); resolve(told); });
  });
}

// Everything of every message of INBOX: hashes of the sources, and what must be there of each.
async function fetchAll(client, result) {
  const lock = await client.getMailboxLock('INBOX');
  try {
    result.exists = client.mailbox.exists;
    const query = { uid: true, flags: true, envelope: true, bodyStructure: true, size: true,
                    internalDate: true, source: true, emailId: true, threadId: true };
    for await (const message of client.fetch('1:*', query)) {
      assert.equal(message.source.length, message.size);
      assert.ok(message.envelope && message.bodyStructure && message.internalDate, 'parts');
      assert.ok(message.modseq > 0n, 'modseq');
      if (client.capabilities.has('OBJECTID'))
        assert.ok(message.emailId && message.threadId, 'ids');
      result.hashes[message.uid] = sha256(message.source);
    }
    const { content } = await client.download('1');
    const pieces = [];
    for await (const piece of content)
      pieces.push(piece);
    result.first = sha256(Buffer.concat(pieces));
  } finally {
    lock.release();
  }
}

// A mailbox of our own: append, flags under CONDSTORE, search, copy, move, expunge.
async function change(client) {
  await client.mailboxCreate('Flow');
  for (let n = 1; n <= 5; n++) {
    const kept = await client.append('Flow', `From: f${n}@example.test\r\nSubject: flow ${n}\r\n\r\n${n}\r\n`,
                                     n % 2 ? ['\\Seen'] : ['$Mine'], new Date('2024-02-07T10:20:30Z'));
    assert.equal(kept.uid, n);
  }
  const lock = await client.getMailboxLock('Flow');
  try {
    assert.deepEqual(await client.search({ seen: true }, { uid: true }), [1, 3, 5]);
    assert.deepEqual(await client.search({ subject: 'flow 2' }, { uid: true }), [2]);
    const before = (await client.status('Flow', { highestModseq: true })).highestModseq;
    assert.ok(await client.messageFlagsAdd('2', ['\\Flagged']));
    const after = await client.fetchOne('2', { flags: true, internalDate: true });
    assert.ok(after.flags.has('\\Flagged') && after.flags.has('$Mine') && after.modseq > before);
    assert.equal(after.internalDate.getTime(), Date.parse('2024-02-07T10:20:30Z'));
    const changed = [];
    for await (const message of client.fetch('1:*', { flags: true }, { changedSince: before }))
      changed.push(message.uid);
    assert.deepEqual(changed, [2]);
    const copied = await client.messageCopy('1:2', 'Archive');
    assert.equal(copied.uidMap.size, 2);
    const moved = await client.messageMove('3', 'Archive', { uid: true });
    assert.equal(moved.uidMap.size, 1);
    assert.ok(await client.messageDelete('5', { uid: true }));
    assert.deepEqual(await client.search({ all: true }, { uid: true }), [1, 2, 4]);
  } finally {
    lock.release();
  }
  assert.equal((await client.status('Archive', { messages: true })).messages, 3);
  assert.equal((await client.status('Flow', { messages: true, unseen: true })).unseen, 2);
}

// What another session does is told while this one idles.
async function idle(client, other) {
  const lock = await client.getMailboxLock('Flow');
  try {
    client.idle();
    await new Promise(resolve => setTimeout(resolve, 100));
    let told = event(client, 'exists');
    await other.append('Flow', 'Subject: pushed\r\n\r\n', []);
    assert.equal((await told).count, 4);
    const theirs = await other.getMailboxLock('Flow');
    try {
      told = event(client, 'flags');
      await other.messageFlagsAdd('1', ['\\Answered']);
      assert.ok((await told).flags.has('\\Answered'));
      told = event(client, 'expunge');
      await other.messageDelete('2', { uid: true });
      assert.ok(await told);
    } finally {
      theirs.release();
    }
  } finally {
    lock.release();
  }
}

const result = { hashes: {} };
const client = await connect({});
result.capabilities = [...client.capabilities.keys()];
result.enabled = [...client.enabled];
result.compressed = Boolean(client._deflate || client._inflate);
await fetchAll(client, result);
const folders = await client.list({ statusQuery: { messages: true } });
result.special = folders.map(folder => folder.specialUse).filter(Boolean);
result.quota = Boolean(await client.getQuota('INBOX'));
await change(client);
const other = await connect({ disableCompression: true });
await idle(client, other);
await other.logout();
await client.mailboxDelete('Flow');
await client.logout();
console.log(JSON.stringify(result));
