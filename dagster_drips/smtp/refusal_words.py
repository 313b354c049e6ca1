"""The words in which mail servers say whom they refuse, as data: patterns on plain words, each list with its sources.

Only the tables. How a server's text becomes plain words, and which list goes before which, is decided in `refusals`.

The patterns see lower-case words with one space in between, apostrophes left out ("doesnt exist"), addresses, web
addresses and host names taken away. Sources: RFC 3463, RFC 5321 4.2.3, and the replies that Postfix, Sendmail, Exim,
qmail, Courier, OpenSMTPD, Exchange, Domino, Google, Yahoo and AOL, Apple, Amazon, Proofpoint, Mimecast, Barracuda,
Mail.Ru, Yandex, Tencent, GMX, Orange, Docomo and others document or are known to give.
"""

from __future__ import annotations

_WHO = (
    r"(?:users?|username|userid|mail ?box(?:es)?|inbox|recipients?|accounts?|addresse?s?|addressees?|alias"
    r"|aliases|e ?mail"
    r"|local part|person|customer|subscriber|member|employee|destination|rcpt|maildrop|user name|user id|name)"
)
_KIND = (
    r"(?:local|virtual|e ?mail|mail|smtp|destination|recipient|rcpt|forward|user|final|delivery|mailbox|target"
    r"|internal"
    r"|to|the|or|and|of|illegal|invalid|unknown|disabled|inactive)"
)
_GONE = (
    r"(?:unknown|invalid|disabled|inactive|suspended|deactivated|closed|terminated|expired|deleted|removed"
    r"|non ?existent"
    r"|non ?existing|unavailable(?! or access)|undeliverable|unrouteable|unroutable|discontinued|abandoned"
    r"|obsolete|retired|missing|frozen|locked"
    r"|(?:not|isnt|wasnt|arent) (?:currently |yet |been |be |a |an |any ){0,4}(?:exist|exists|existing|found"
    r"|known|valid|active"
    r"|available|registered|recogni[sz]ed|present|listed|defined|local|activated|deliverable|located|resolved|here"
    r"|on this|in our|in the|in my|at this|our|a user|provisioned|hosted|enabled)"
    r"|doesnt exist|doesn t exist|do not exist|does not exist|cannot be found|cant be found|couldnt be found"
    r"|no longer|nowhere)"
)
_LINK = r"(?:(?:is|was|has|have|had|been|are|be|to|can|could|does|seems|appears|currently|apparently|being) ){0,6}"

ADDRESS = (
    # "Unknown user", "No such recipient here", "invalid local mailbox", "bad destination mailbox address"
    rf"(?:unknown|no such|invalid|non ?existent|non ?existing|inactive|disabled|deactivated|suspended|illegal"
    rf"|terminated"
    rf"|unrouteable|unroutable|undeliverable|unrecogni[sz]ed|unresolvable|undefined|discontinued|bad destination"
    rf"|bad recipient|not a valid|not a known|not an active|isnt a valid|isnt a known|no valid local)"
    rf" (?:{_KIND} ){{0,6}}(?:{_WHO}|here)\b(?! error)",
    # "User unknown", "The account is disabled", "Mailbox could not be found", "address no longer in use"
    rf"{_WHO} (?:(?:name|part|address|account|named|here|that|you|tried|contact|reach|email|on|or"
    rf"|domain) ){{0,8}}{_LINK}{_GONE}\b",
    # "The email account that you tried to reach does not exist", "This user doesn't have a yahoo.com account"
    r"(?:does|do|did) ?(?:not|nt|n t) exist",
    r"(?:the|this) (?:\w+ ){1,10}exist(?:iert)? nicht",
    r"(?:does not|doesnt|doesn t) have an? (?:\w+ ){0,4}account",
    r"no (?:\w+ ){0,2}(?:mailbox|mail box) (?:here|by|with|found|for|exists|available|of|named)",
    r"no (?:user|account|one|recipient|person|such user|such account) (?:here|by|with|found|exists|named|of that"
    r"|at this)",
    r"(?:could not|couldnt|cannot|cant|can not|unable to|failed to) (?:find|locate|resolve|look ?up) (?:\w+ ){0,2}"
    r"(?:user|recipients?|mailbox|account|alias|host named|any host|domain|directory entry)",
    r"no longer (?:exists?|valid|active|available|accepts? (?:e ?mail|mail|messages)|in (?:use|service|operation)"
    r"|employed|works?|working|with (?:us|the|this)|on this|here|at this|monitored|used|being used|a valid"
    r"|maintained)",
    # Exchange and Outlook: 5.1.1, 5.1.10, 5.1.351
    r"not found by smtp address lookup",
    r"unknown (?:or illegal alias|recipient or mailing list)",
    r"(?:recipients?|e ?mail|mail) (?:e ?mail )?address(?:es)? (?:\w+ ){0,3}(?:not found|wasnt found"
    r"|couldnt be found|not exist)",
    r"not (?:listed )?in (?:(?:domino|public|the|our|this|my|local|global) )+(?:\w+ )?(?:directory|address book"
    r"|user list)",
    r"not listed in (?:\w+ )?(?:directory|name|public)",
    r"addressee unknown|address unknown|user unknown|unknown user|unknown recipient|recipient unknown",
    # The domain: no such host, null MX (RFC 7505)
    r"(?:host|domain)(?: or domain)?(?: name)? (?:not found|unknown|(?:does not|doesnt) exist)",
    r"(?:no such|unknown|non ?existent|invalid) (?:recipient |destination )?(?:domain|host)",
    r"all relevant mx records point to non ?existent hosts",
    r"null ?mx",
    r"(?:domain|host) (?:\w+ ){0,4}(?:does not|doesnt) accept (?:any )?(?:(?:e ?)?mails?|messages)(?! (?:from"
    r"|coming))",
    r"mx or srv record indicated no smtp service|find a mail exchanger or ip address|(?:illegal|invalid"
    r"|bad) host (?:domain )?name",
    rf"not (?:our|one of our|a local) {_WHO}",
    # Moved (5.1.6)
    rf"{_WHO} (?:(?:has|have|was) )?(?:been )?(?:moved|relocated|changed (?:\w+ )?address)\b",
    # Other languages
    r"usuario (?:desconocido|inexistente|no existe|nao existe)|no existe (?:el usuario|la cuenta|esa)"
    r"|cuenta no existe",
    r"(?:utilisateur|adresse|destinataire|boite) (?:\w+ ){0,6}(?:inconnue?|inexistante?|invalide|n ?existe pas)",
    r"(?:utente|casella|indirizzo) (?:\w+ ){0,3}(?:sconosciut[oa]|inesistente|non esiste)|utente non trovato",
    r"(?:empf[aä]nger|benutzer|adresse|postfach|mailbox|konto) (?:\w+ ){0,4}(?:unbekannt|existiert nicht"
    r"|nicht gefunden)",
    r"unbekannter? (?:empf[aä]nger|benutzer)|onbekende (?:gebruiker|ontvanger)|(?:gebruiker"
    r"|adres) (?:\w+ ){0,3}onbekend",
    r"(?:uzytkownik|konto|adres) (?:\w+ ){0,3}nie istnieje",
    r"(?:пользователь|ящик|адрес|получатель|аккаунт) (?:\w+ ){0,4}(?:не найден|не существует|заблокирован|удал[её]н)",
    r"(?:несуществующ|неизвестн)\w+ (?:пользовател|ящик|адрес|получател)\w*|такого пользователя нет",
    r"(?:用户|收件人|邮箱|邮件地址|帐号|账号|帳號)\w*不存在|无此用户|查無此人",
    r"(?:ユーザ|宛先|アドレス|メールボックス|ディレクトリ)[^.。]{0,20}(?:存在しません|見つかりません|ありません|不明)",
)
"""The address is nobody's: unknown, gone, disabled, or its domain is."""

HOST = (
    r"black ?list\w*|block ?list\w*|deny ?list\w*|block list|\w*blocked|blocking|is block|bloque\w*|banned|\bban\b",
    r"dnsbls?|rbls?|rhsbl|uribl|surbl|sbl|xbl|pbl|cbl|spamhaus|spamcop|sorbs|uceprotect|senderbase|barracudacentral"
    r"|barracuda reputation|cloudmark|invaluement|spamrl|abuseat|njabl|truncate",
    r"reputation|senderscore|sender score|poor (?:sender|score|domain|ip)|suspicious|untrusted|not trusted",
    r"(?:is|are|was|been|being|currently|ip|host|client|domain|found|still) listed(?! in (?:\w+ )?(?:directory"
    r"|name|public))"
    r"|listed (?:by|at|on|as)",
    # Our machine, its name and its address
    r"your (?:(?:own|mail|smtp|sending|source|host|e ?mail|internet|dns|isp|network|sender|from|outgoing|public"
    r"|client"
    r"|current|remote|originating|outbound) ){0,4}(?:ip|ips|address|server|servers|host|hostname|domain|network"
    r"|provider|isp"
    r"|mta|dns|system|account|computer|connection|client|organi[sz]ation|subnet|range|relay|company|mailserver|access"
    r"|spf|dkim|reverse|ptr|reputation|administrator to|machine|pc|mails|emails|infrastructure)",
    r"(?<!exchanger or )\bip addresse?s?|client ip|source ip|sending ip|remote ip|peer ip|connecting ip|senders? ip"
    r"|\bips? (?:is|was|has|name|range|reputation|block|not|listed|rejected|in|on|lookup)|from ip|the ip",
    r"client host|connecting host|sending (?:host|server|mta|domain|system|network)|client (?:rejected|denied"
    r"|name|address)"
    r"|client \S* ?(?:is )?(?:not|blocked|rejected)|connecting (?:server|client|mta)|remote (?:mta|server) is not",
    r"\bptr\b|reverse|rdns|fcrdns|forward confirmed|dynamic (?:ip|host|dns|addr\w*|range|pool|client)"
    r"|dial ?up|residential|generic (?:r?dns|ptr|reverse|host)|\bhelo\b|\behlo\b"
    r"|mismatch\w*"
    r"|hostname|host name (?:is|does|not|of)|no (?:a or mx|dns|mx or a|mx|a) (?:record|for|entry)|name was rejected"
    r"|dns (?:record|entry|check|lookup) (?:for|of|on)? ?(?:your|the sender|sender|client)|from a consumer",
    r"(?:in reply to|after) (?:pipelined )?(?:mail from|helo|ehlo|initial connection|starttls|auth)\b",
    r"\bspf\b|\bdkim\b|\bdmarc\b|domainkeys|sender ?id|spoof\w*|forg(?:ed|ery)|imperson\w*|aligned|alignment"
    r"|arc seal",
    r"authenticat\w*|unauthenticated|login|credentials|not (?:been )?verified|verification failed|verify failed"
    r"|callback",
    r"\btls\b|starttls|encrypt\w*|protocol (?:violation|error)|pipelining|synchroni[sz]ation|bad sequence"
    r"|out of sequence"
    r"|talk(?:ed|ing) too soon|rfc \d+ (?:compli|viol)\w*|not rfc|bare (?:lf|linefeed|newline)|line feed",
    r"abuse|abusive|complaint\w*|unsolicited|\bube\b|\buce\b|bulk|open relay|open proxy|botnet|compromised|zombie"
    r"|infected host",
    r"(?:have|has|was|were|been|are|is) (?:not )?(?:suspended|disabled|restricted) (?:from|for) (?:sending|spam"
    r"|abuse|sus)",
)
"""Our machine is refused: its name, standing, encryption or login. Waiting, or fixing, helps."""

SENDER = (
    r"senders? (?:address|domain|e ?mail|id|verif\w*|reject\w*|denied|not|is|blocked|refused|must|polic\w+"
    r"|unknown|invalid"
    r"|has|unverified|cannot|could|couldnt|was|does|did|lookup|check|needs?|listed|without|authentic\w+|limit"
    r"|quota|in"
    r"|score|mx|dns|hostname|host|server|network|ip|format|syntax|name|of|from|access|ok|on|you|your|message"
    r"|prohibit\w*)",
    r"(?:invalid|unknown|bad|illegal|rejected|unverified|unauthori[sz]ed|forged|spoofed|fake|unwanted|denied"
    r"|prohibited"
    r"|reject|refused|no such|blocked|unaccept\w+|nonexistent|non existent|forbidden|malformed|missing|empty|local)"
    r" (?:envelope |mail |e ?mail |message |return |from |the |by ){0,4}(?:senders?|return path|from address"
    r"|mail from|from header)",
    r"(?:envelope|domain of|message|mail|as|this|that|the|by|verify|unauthenticated|non local) senders?\b"
    r"(?! (?:tried|should|is requested))",
    r"mail from (?:\w+ ){0,4}(?:rejected|refused|denied|not|blocked|is|prohibited|banned)|null sender"
    r"|from (?:address|header|field)"
    r"|return path|reverse path|envelope from|not accept(?:ing)? (?:any )?(?:e ?mails?|messages) from"
    r"|mails? from (?:your|this|that|the)",
)
"""Our address is refused: the envelope's sender, or From."""

STORAGE = (
    r"\w*quota\w*|over limit|overlimit|maxquota|over (?:the |its |their |his )?(?:\w+ )?(?:storage|size|space"
    r"|disk|mailbox)",
    r"(?:mail ?box|inbox|accounts?|storage|disk|mail ?store|mail ?folder|users?|box|folder|drive|mailboxes|system"
    r"|recipient)"
    r" (?:\w+ ){0,3}full\b|full (?:mail ?box|inbox|disk)|\bfull$",
    r"insufficient (?:\w+ ){0,2}(?:storage|space|disk|system|resources?)|out of (?:\w+ ){0,2}(?:storage|space|disk)",
    r"(?:exceed\w*|exceeds) (?:\w+ ){0,4}(?:storage|space|capacity|allocat\w+|allowed mailbox|mailbox size)",
    r"storage (?:\w+ ){0,3}(?:exceed\w*|limit|allocation|space|full)|no (?:\w+ )?space"
    r"|not enough (?:\w+ ){0,2}(?:space|storage|room)",
    r"too much (?:mail|data)|space left|mailbox size|size of (?:\w+ ){0,2}mailbox|mail ?box (?:\w+ ){0,3}(?:limit"
    r"|exceed\w*|too large)"
    r"|(?:mailbox|user|account|recipient) (?:is |has |was )?(?:currently )?over (?:its |the |their )?(?:\w+ )?limits?"
    r"|boite (?:\w+ ){0,4}pleine|casella piena|buz[oó]n lleno|postfach (?:\w+ ){0,2}voll|переполнен\w*|邮箱已满|容量",
)
"""The mailbox is full."""

RATE = (
    r"\brates?\b|\w*limit(?:s|ed|ing|er)? (?:exceed\w*|reached|has been|have been|for|of|per|on|is|to)"
    r"|limits? (?:per|on)|rate ?limit\w*|throttl\w*",
    r"too (?:many(?! (?:hops|received|relays))|much|fast|quickly|frequent\w*|often|soon|busy)"
    r"|receiving (?:mail|messages) (?:at|too)"
    r"|more than \d+",
    r"(?:per|this|each|an|every|last|next) (?:\w+ )?(?:hour|day|minute|second|session)|hourly|daily",
    r"(?:sending|message|recipients?|mails?|connections?|volume|max\w*|e ?mails?|outbound|send) (?:\w+ )?limits?",
    r"exceed\w* (?:\w+ ){0,5}(?:limit|rate|number|connections|threshold|messages|recipients|sending|max\w*|hour\w*)"
    r"|(?:maximum|max) (?:number|sending|send|connections|recipients|messages)",
    r"frequency|flow control|flood\w*|\bbursts?\b|volume|concurren\w*|slow (?:down|it)|unusual|traffic|simultaneous",
    r"try (?:your message |sending |again |it |to send ){0,4}(?:again |later|in \d+)|again later|later time"
    r"|retry (?:later|after|in)|come back|temporar\w*",
    r"not found try again|gr[ea]y ?list\w*|service (?:\w+ ){0,2}unavailable|overload\w*|back ?off|defer(?:red"
    r"|ral)|server busy|is busy|not now",
)
"""Too much at once, or a state that passes."""

SYSTEM = (
    r"timed out|time ?out|timeouts?|connection (?:was |is )?(?:refused|timed|lost|reset|closed|dropped|failed"
    r"|died|error|aborted)|lost connection",
    r"\bloops?\b|looping|looped|hop count|too many (?:hops|received|relays)|\bhops\b|no route to host|unreachable"
    r"|network",
    r"(?:delivery|message|queue|retry|lifetime|maximum) (?:\w+ ){0,3}(?:expired|timeout|not reached)"
    r"|in the queue too long",
    r"configur\w*|internal (?:\w+ )?error|local (?:\w+ )?(?:error|problem)|system (?:error|failure|problem"
    r"|resources|config\w*|not accepting)",
    r"mailer error|procmail|command (?:died|failed|time|output|line)|permission denied|i o error|input output"
    r"|segmentation"
    r"|(?:couldnt|could not|cannot|cant|can t|unable to) (?:create|open|write|append|connect|access|read|lock"
    r"|execute|exec|route|contact)",
    r"servfail|malformed|out of memory|server (?:error|is down|failure)|dns (?:error|failure|problem|timeout|server)"
    r"|unable to (?:verify|resolve|deliver at)|no mail (?:servers|hosts)|read error|bad file|resources?",
)
"""Something is broken between us and the mailbox."""

CONTENT = (
    r"spam(?!haus|cop)\w*|junk\w*|\bvir(?:us|uses|ii)\b|virus\w*|malware|phish\w*|trojan|\binfected|worm|viagra"
    r"|scam|fraud\w*|suspected",
    r"(?:message|mail|prohibited|illegal|inappropriate|bad|unacceptable|malicious|objectionable|its|the"
    r"|email) contents?"
    r"|contents? (?:\w+ ){0,3}(?:reject|block|refus|den|filter|polic|not|violat|scan)\w*|\burls? (?:in|listed"
    r"|blocked|found)"
    r"|(?:executable|illegal|blocked|prohibited|forbidden|suspicious|unacceptable"
    r"|dangerous) (?:\w+ )?(?:attachments?|files?)"
    r"|attachments? (?:\w+ ){0,4}(?:not|blocked|prohibit\w*|reject\w*|types?|removed|denied|too)|looks like"
    r"|keywords?|heuristic\w*",
    r"too (?:big|large|long)|(?:message|maximum|max|mail|file|fixed|e ?mail|data) size|size (?:\w+ ){0,2}(?:limit"
    r"|exceed\w*)"
    r"|exceed\w* (?:\w+ ){0,3}(?:size|length)|maximum (?:\w+ )?(?:message|length)|oversi[sz]ed?",
    r"(?:bad|invalid|missing|malformed|duplicate|illegal|multiple|broken|incorrect|no|required|date|to|subject"
    r"|message id) headers?"
    r"|headers? (?:is|are|based|line|too|not|contain\w*|error|field invalid|syntax)|8 ?bit|smtputf8|5322|2822"
    r"|malformed message"
    r"|missing (?:date|message)",
    r"(?:message|mail|e ?mail|it) (?:is |was |has been |have been |been )?(?:filtered|quarantined|classified"
    r"|considered"
    r"|flagged|identified|detected|scored|discarded|deemed|matched)|quarantin\w*",
)
"""This message is refused for what is in it."""

POLICY = (
    r"relay\w*|rcpthosts|polic(?:y|ies)|administrat(?:ive|ively)|prohibit\w*|restrict\w*|forbidden|not (?:allowed"
    r"|permitted)"
    r"|not authori[sz]ed|unauthori[sz]ed|permission|access denied|disallowed|filter\w*|\brules?\b|dont want"
    r"|do not want"
    r"|not wanted|unwelcome|approval|moderat\w*|only accept\w*|white ?list\w*|allow ?list\w*|approved|members only"
    r"|organi[sz]ation only|on hold",
)
"""Somebody's rule forbids it. Said beside words for a missing address, those count."""

REFUSAL = (r"deny|denied|not accept\w*|wont accept|will not accept|refus\w+|reject\w*|decline\w*",)
"""A no without a reason: whatever else is known counts."""

ADDRESS_CODES = (
    r"no mx record found for domain=|\brecip(?:ient)?notfound\b|resolver\.adr\.(?:ex)?recip(?:ient)?notfound"
    r"|\bnullmx\b|\bnxdomain\b|\bofr_?416\b"
    r"|550[- #]*invalid recipient|\bunknown_user\b|\bno_such_user\b",
)
"""Names of errors, in the text as it came."""

HOST_CODES = (
    r"https?://\S{0,300}[?&/](?:ip|query|bl|rbl|lookup|ipaddress|addr)[=/?]|spamhaus|spamcop|sorbs\.net"
    r"|barracudacentral"
    r"|uceprotect|dnsbl|senderbase|talosintelligence|senderscore|ipcheck|sendersupport|delist|unblock|removal"
    r"|rbl\.|\.rbl"
    r"|\b(?:rtr|dny|hvu|rly|con|cng):\w|\baup#|\b(?:s3140|s3150|as\(4\d+\))|rdns|block\w*list|blacklist\w*",
)
"""Lists and pages on which a machine's standing is looked up."""
