/* SPDX-License-Identifier: Apache-2.0 */
/* folder_names.h - names of the folders that every account has, as Outlook has them. */
#ifndef IMAP4_MAILBOX_FOLDER_NAMES_H
#define IMAP4_MAILBOX_FOLDER_NAMES_H

/* In the order of `kinds` in folders.c, behind INBOX. */
enum { FOLDER_COUNT = 8 };
static const struct folder_language {
  const char *tag, *names[FOLDER_COUNT];
} folder_language[] = {
  { "en",
    { "Sent Items", "Drafts", "Deleted Items", "Junk E-mail", "Archive", "Calendar", "Contacts",
      "Tasks" } },
  { "da",
    { "Sendt post", "Kladder", "Slettet post", "Uønsket mail", "Arkiv", "Kalender",
      "Kontaktpersoner", "Opgaver" } },
  { "de",
    { "Gesendete Elemente", "Entwürfe", "Gelöschte Elemente", "Junk-E-Mail", "Archiv", "Kalender",
      "Kontakte", "Aufgaben" } },
  { "es",
    { "Elementos enviados", "Borradores", "Elementos eliminados", "Correo no deseado", "Archivo",
      "Calendario", "Contactos", "Tareas" } },
  { "fr",
    { "Éléments envoyés", "Brouillons", "Éléments supprimés", "Courrier indésirable", "Archive",
      "Calendrier", "Contacts", "Tâches" } },
  { "it",
    { "Posta inviata", "Bozze", "Posta eliminata", "Posta indesiderata", "Archivio", "Calendario",
      "Contatti", "Attività" } },
  { "nl",
    { "Verzonden items", "Concepten", "Verwijderde items", "Ongewenste e-mail", "Archief", "Agenda",
      "Contactpersonen", "Taken" } },
  { "pl",
    { "Elementy wysłane", "Wersje robocze", "Elementy usunięte", "Wiadomości-śmieci", "Archiwum",
      "Kalendarz", "Kontakty", "Zadania" } },
  { "pt",
    { "Itens Enviados", "Rascunhos", "Itens Excluídos", "Lixo Eletrônico", "Arquivo Morto",
      "Calendário", "Contatos", "Tarefas" } },
  { "sv",
    { "Skickat", "Utkast", "Borttaget", "Skräppost", "Arkiv", "Kalender", "Kontakter",
      "Uppgifter" } },
};

#endif
