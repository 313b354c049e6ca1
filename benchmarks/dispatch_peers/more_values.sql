-- As many values as the mails with content models show, and a loop, of the lead.
update journal.sequence_versions set files = replace(files, '</body>', '{% for row in [1, 2, 3] %}<p>{{ lead.first_name }}: {{ lead.company }}</p>{% endfor %}<p>{{ lead.first_name }}, {{ lead.company }}, {{ lead.first_name }} since {{ lead.company }}</p></body>');
