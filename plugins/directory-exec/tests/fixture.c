/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h. */
#include "fixture.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *fixture_module;

/* ---- The program ------------------------------------------------------------------------- */

void
fixture_write (int fd, const char *text, size_t size) {
  while (size) {
    const ssize_t done = send (fd, text, size, MSG_NOSIGNAL);
    if (done <= 0)
      return;
    text += done;
    size -= (size_t)done;
  }
}

bool
fixture_say (int fd, const json_t *question, const char *status, const char *more) {
  g_autofree char *line =
      g_strdup_printf ("{\"id\":%" JSON_INTEGER_FORMAT ",\"status\":\"%s\"%s%s}\n",
                       json_integer_value (json_object_get (question, "id")), status,
                       *more ? "," : "", more);
  fixture_write (fd, line, strlen (line));
  return true;
}

struct served {
  struct fixture *fixture;
  int fd;
};

static gpointer
serve (gpointer data) {
  struct served *served = data;
  struct fixture *fixture = served->fixture;
  FILE *lines = fdopen (dup (served->fd), "r");
  char *line = NULL;
  size_t room = 0;
  while (getline (&line, &room, lines) > 0) {
    json_t *question = json_loads (line, 0, NULL);
    assert (json_is_object (question));
    g_atomic_int_inc (&fixture->questions);
    const bool goes_on = fixture->play (served->fd, question, fixture->data);
    json_decref (question);
    if (!goes_on)
      break;
  }
  shutdown (served->fd, SHUT_RDWR);
  free (line);
  fclose (lines);
  g_free (served);
  return NULL;
}

static gpointer
accept_all (gpointer data) {
  struct fixture *fixture = data;
  for (;;) {
    const int fd = accept (fixture->listening, NULL, NULL);
    if (fd < 0)
      return NULL;
    struct served *served = g_new (struct served, 1);
    *served = (struct served){ fixture, fd };
    g_atomic_int_inc (&fixture->connections);
    g_mutex_lock (&fixture->lock);
    g_array_append_val (fixture->fds, fd);
    g_ptr_array_add (fixture->threads, g_thread_new ("program", serve, served));
    g_mutex_unlock (&fixture->lock);
  }
}

void
fixture_listen (struct fixture *fixture) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy (address.sun_path, fixture->socket, sizeof address.sun_path);
  g_unlink (fixture->socket);
  fixture->listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (fixture->listening, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (fixture->listening, 16), 0);
  fixture->thread = g_thread_new ("accept", accept_all, fixture);
}

void
fixture_hang_up (struct fixture *fixture) {
  if (!fixture->thread)
    return;
  shutdown (fixture->listening, SHUT_RDWR);
  g_thread_join (fixture->thread);
  fixture->thread = NULL;
  close (fixture->listening);
  g_unlink (fixture->socket);
  for (guint i = 0; i < fixture->fds->len; i++)
    shutdown (g_array_index (fixture->fds, int, i), SHUT_RDWR);
  for (guint i = 0; i < fixture->threads->len; i++)
    g_thread_join (fixture->threads->pdata[i]);
  for (guint i = 0; i < fixture->fds->len; i++)
    close (g_array_index (fixture->fds, int, i));
  g_array_set_size (fixture->fds, 0);
  g_ptr_array_set_size (fixture->threads, 0);
}

/* ---- The plugin -------------------------------------------------------------------------- */

struct fixture *
fixture_new (play *program, const char *const *settings) {
  struct fixture *fixture = g_new0 (struct fixture, 1);
  fixture->play = program;
  fixture->folder = g_dir_make_tmp ("exec-test-XXXXXX", NULL);
  fixture->socket = g_build_filename (fixture->folder, "socket", NULL);
  fixture->fds = g_array_new (FALSE, FALSE, sizeof (int));
  fixture->threads = g_ptr_array_new ();
  g_mutex_init (&fixture->lock);
  if (program)
    fixture_listen (fixture);
  fixture->harness = harness_new ();
  fixture->host = harness_host (fixture->harness);
  g_autofree char *path = g_strconcat ("socket=", fixture->socket, NULL);
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  const char *const usual[] = { path, "domains=example.test example.org", "nt_domains=EXAMPLE" };
  for (size_t i = 0; i < G_N_ELEMENTS (usual); i++)
    g_ptr_array_add (all, (char *)usual[i]);
  for (; settings && *settings; settings++)
    g_ptr_array_add (all, (char *)*settings);
  g_ptr_array_add (all, NULL);
  assert_int_equal (harness_load (fixture->harness, fixture_module,
                                  (const char *const *)all->pdata),
                    PTN_OK);
  assert_int_equal (harness_start (fixture->harness), PTN_OK);
  fixture->directory = harness_find (fixture->harness, PTN_DIRECTORY_ID, NULL);
  fixture->credentials = harness_find (fixture->harness, PTN_CREDENTIALS_ID, NULL);
  fixture->task = harness_task_new (fixture->harness);
  fixture->call.task = fixture->task;
  fixture->request = (struct ptn_sasl_request){ .size = sizeof fixture->request,
                                                .service = "imap",
                                                .server_name = "mail.example.test" };
  return fixture;
}

void
fixture_free (struct fixture *fixture) {
  fixture->host->call_end (&fixture->call);
  fixture_hang_up (fixture);
  harness_task_free (&fixture->task);
  harness_free (&fixture->harness);
  assert_int_equal (g_rmdir (fixture->folder), 0);
  g_array_free (fixture->fds, TRUE);
  g_ptr_array_free (fixture->threads, TRUE);
  g_mutex_clear (&fixture->lock);
  g_free (fixture->socket);
  g_free (fixture->folder);
  g_free (fixture);
}

ptn_status
fixture_login (struct fixture *fixture, const char *login, struct ptn_identity *identity) {
  const struct ptn_directory *directory = fixture->directory.table;
  *identity = (struct ptn_identity){ .size = sizeof *identity };
  return HARNESS_AWAIT (fixture->task, directory->parse_login (fixture->directory.instance,
                                                               &fixture->call, login, identity));
}

ptn_status
fixture_verify (struct fixture *fixture, const char *user, const char *password) {
  const struct ptn_credentials *credentials = fixture->credentials.table;
  const struct ptn_bytes octets = { password, strlen (password) };
  const ptn_status status =
      HARNESS_AWAIT (fixture->task,
                     credentials->verify_password (fixture->credentials.instance, &fixture->call,
                                                   &fixture->request, "EXAMPLE", user, octets));
  fixture->host->call_end (&fixture->call);
  return status;
}
