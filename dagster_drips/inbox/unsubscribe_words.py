"""The words with which people ask not to be mailed any more, language by language.

Data only; `unsubscribe_requests` reads them.

A new language is a new entry: `strong` says it by itself, `weak` only where nothing else is said, `asking` shows that
somebody speaks for themselves, and `others` may stand beside these. Parts of one phrase are joined by `_`, or by `~`
where other words may stand between them. Spelling is natural; case and accents are taken away when the tables are
read.
A bare "not" of any language is no such word: it turns a request around.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language's; each a text of words with white space between."""

    strong: str
    weak: str
    asking: str
    others: str


WORDS = {
    "en": Words(
        strong="""unsubscribe unsubscribed unsubscribing unsub unsubscribe_me opt_out opt_me_out optout opting_out
            take_me_off remove_me delete_me remove_my_email remove_my_address remove_my_name remove_this_address
            remove_this_email remove_us take_us_off take_my_name_off stop_emailing stop_mailing stop_sending
            stop_all_emails stop_the_emails stop_these_emails stop_contacting
            do_not_email do_not_mail do_not_send do_not_contact don't_email don't_send don't_contact dont_email
            dont_send dont_contact no_more_emails no_more_mails no_more_email no_longer_wish_to_receive
            no_longer_want_to_receive do_not_want_to_receive don't_want_to_receive dont_want_to_receive
            do_not_wish_to_receive don't_want_any_more don't_want_these do_not_want_these don't_want_your
            cancel_my_subscription cancel_subscription end_my_subscription quit_the_list leave_the_list leave_me_alone
            remove_from_list remove_from_mailing_list remove_from_your_list take_off_list""",
        weak="stop remove cancel delete quit signoff end leave no_thanks not_interested enough unsuscribe unsubcribe",
        asking="please pls plz me my i i'd i'm we us our kindly",
        others="""from this that these those the your you of a an any all to at for with and or it list lists mailing
            mailinglist mail mails e email emails newsletter newsletters news letter letters message messages database
            updates update communications communication marketing promotional promotions offers advertising ads spam
            distribution group thanks thank thx ty hi hello hey dear sir madam sirs team there regards best kind want
            wanted would like wish need could can will be is am get getting receive receiving sending more anymore any
            further future again now immediately asap today at_once just right away effective as possible soon
            permanently address account name subscription subscribed completely entirely us""",
    ),
    "de": Words(
        strong="""abmelden abmeldung abbestellen abbestellung austragen austragung abgemeldet abzumelden abzubestellen
            auszutragen abbestelle melden~ab melde~ab meldet~ab tragen~aus trage~aus tragt~aus bestelle~ab
            bestellen~ab löschen_sie_mich lösche_mich löscht_mich mich_löschen
            streichen_sie_mich streiche_mich mich_streichen entfernen_sie_mich entferne_mich mich_entfernen
            nehmen_sie_mich nimm_mich nehmt_mich keine_mails_mehr keine_e_mails_mehr keine_emails_mehr
            keine_weiteren_mails keine_weiteren_e_mails keine_weiteren_emails keine~mehr keine_werbung
            keine_newsletter
            keinen_newsletter kein_newsletter nicht_mehr_anschreiben keine_post_mehr nicht_mehr_erhalten
            nicht_mehr_bekommen keine_weiteren_nachrichten keine_nachrichten_mehr adresse_löschen
            adresse_zu_löschen mailadresse_löschen daten_löschen abo_kündigen abo_beenden kündige_das_abo
            abonnement_kündigen
            nichts_mehr_schicken nichts_mehr_senden keine_mails_mehr_schicken widerspreche_der_zusendung""",
        weak="stopp stop löschen streichen entfernen kündigen beenden kein_interesse nein_danke",
        asking="bitte mich mir ich wir uns meine meinen meiner meinem möchte will",
        others="""vom von dem der die das den des diesem dieser diesen dieses eurem eurer euren ihrem ihrer ihren ihre
            aus ab an in im zu für auf und oder es sie newsletter newsletters verteiler verteilerliste mailverteiler
            e mailingliste mailing liste mail mails email emails e-mail adresse mailadresse emailadresse datenbank
            werbung abo danke dank vielen schöne grüße gruß mit freundlichen freundliche liebe viele beste hallo guten
            tag sehr geehrte damen herren team hi sofort umgehend bitte jetzt gerne heraus raus mehr weitere weiteren
            künftig zukünftig würde hiermit davon wieder wünsche erhalten bekommen senden schicken
            zusenden zusendung nachrichten abonnement""",
    ),
    "fr": Words(
        strong="""désabonner désabonnez désabonne désabonnement désabonné désinscrire désinscrivez désinscris
            désinscription désinscrit désinscrite me_retirer retirez_moi retirer_de_la_liste retirez_mon retirer_mon
            supprimez_moi supprimer_mon supprimez_mon enlevez_moi enlever_mon enlevez_mon me_désabonner
            ne_plus_recevoir plus_recevoir ne_plus_m'envoyer ne_m'envoyez_plus arrêtez_de_m'envoyer
            cessez_de_m'envoyer plus_de_mails plus_d'emails plus_de_mail plus_de_newsletter résilier radiez_moi
            rayez_moi""",
        weak="stop arrêtez retirer supprimer annuler stoppez désabo",
        asking="svp s'il vous plaît te plait merci moi me je nous mon ma mes veuillez souhaite voudrais",
        others="""de du des la le les l' d' ne cette ce ces votre vos à au aux en et ou liste listes diffusion
        newsletter
            newsletters lettre information d'information infolettre mail mails e email emails courriel courriels
            adresse abonnement base données publicité bonjour bonsoir madame monsieur cordialement bien cdt l'équipe
            d'avance beaucoup immédiatement maintenant vouloir veux demande être s'il bonne journée mailing
            recevoir envoyer messages plus m' demander prie""",
    ),
    "es": Words(
        strong="""darme_de_baja dar_de_baja darse_de_baja dame_de_baja deme_de_baja denme_de_baja dadme_de_baja
            dar_me_de_baja de_baja solicito_la_baja solicito_baja cancelar_suscripción cancelar_la_suscripción
            cancelar_mi_suscripción cancelen_mi_suscripción desuscribir desuscribirme desuscríbeme desuscríbanme
            desuscripción anular_suscripción anular_la_suscripción bórrame bórrenme borrarme borren_mi
            elimíname elimínenme eliminarme eliminen_mi eliminar_mi quítame quítenme quitarme quiten_mi sácame
            sáquenme
            no_quiero_recibir no_deseo_recibir no_más_correos no_más_emails dejar_de_recibir no_me_envíen
            no_me_envíes no_envíen_más no_me_manden dejen_de_enviar""",
        weak="baja eliminar cancelar borrar stop parar no_gracias",
        asking="por favor porfavor me mi mis yo quiero quisiera deseo solicito ruego gracias",
        others="""de la el los las esta este estos su sus tu vuestra vuestro lista listas correo correos electrónico
            distribución boletín boletines newsletter newsletters mail mails e email emails suscripción del en a y o
            más mensajes hola buenos buenas días tardes estimados señores saludos un saludo cordial muchas inmediato
            inmediatamente ya ahora dirección base datos que recibir enviar publicidad para favor les se""",
    ),
    "it": Words(
        strong="""cancellami cancellatemi cancellarmi cancellazione cancellate_il cancellare_il disiscrivimi
            disiscrivetemi disiscrivermi disiscrivere disiscrizione disiscritto disiscriviti rimuovimi rimuovetemi
            rimuovermi rimuovere_il rimuovete_il toglietemi toglimi togliermi annulla_iscrizione annullare_iscrizione
            annulla_l'iscrizione annullare_l'iscrizione annullamento_iscrizione non_voglio_più non_desidero_più
            non_inviatemi_più non_mandatemi_più non_ricevere_più basta_email basta_mail eliminatemi eliminami""",
        weak="cancella cancellare rimuovi rimuovere stop basta annulla no_grazie",
        asking="""per favore favore perfavore mi mio mia io vi ti vorrei chiedo prego grazie desidero voglio
        cortesemente""",
        others="""dalla dal dai dalle dall' la il lo le gli i vostra vostro vostre vostri questa questo lista mailing
            newsletter e mail email e-mail indirizzo iscrizione di da a in per ricevere più altre mille ciao
            buongiorno buonasera salve cordiali saluti distinti gentili subito immediatamente ora e o della del elenco
            vostre comunicazioni pubblicità database l'""",
    ),
    "nl": Words(
        strong="""afmelden afmelding afgemeld uitschrijven uitschrijving uitgeschreven uit_te_schrijven af_te_melden
            schrijf~uit meld~af verwijder_mij verwijder_me mij_verwijderen
            me_verwijderen haal_mij haal_me opzeggen geen~meer
            geen_nieuwsbrief geen_nieuwsbrieven niet_meer_ontvangen niet_meer_mailen stop_met_mailen
            verwijder_mijn mijn_adres_verwijderen""",
        weak="stop stoppen verwijderen verwijder nee_bedankt geen_interesse",
        asking="alstublieft alsjeblieft aub svp graag mij me mijn ik wil wij ons gelieve",
        others="""van voor uit de het een deze dit die jullie uw je u nieuwsbrief nieuwsbrieven mailinglijst lijst
            mailing mail mails e email emails e-mail e-mails adres verzendlijst mailbestand bestand reclame meer
            ontvangen bedankt dank hallo hoi goedendag beste geachte groet groeten vriendelijke met direct nu
            onmiddellijk per dank u wel willen zou kunt kunnen bij in en a b""",
    ),
    "pt": Words(
        strong="""cancelar_inscrição cancelar_a_inscrição cancelar_assinatura cancelar_a_assinatura
            cancelar_minha_assinatura cancelar_minha_inscrição cancelar_subscrição cancelar_a_subscrição
            anular_subscrição anular_a_subscrição anulem_a_minha_subscrição cancelem_minha_assinatura descadastrar
            descadastre descadastrem descadastro descadastramento descadastrar_me desinscrever desinscrevam
            desinscrição desinscreva remova_me removam_me me_remova me_removam me_remover remover_me retire_me
            retirem_me me_retire me_retirem retirar_me remover_meu remova_meu removam_meu excluir_meu exclua_meu
            excluam_meu me_exclua me_excluam sair_da_lista não_quero_mais_receber não_quero_receber
            não_desejo_receber não_desejo_mais_receber deixar_de_receber parem_de_enviar pare_de_enviar
            não_me_enviem não_enviem_mais remoção""",
        weak="cancelar remover sair stop parar excluir não_obrigado não_obrigada",
        asking="por favor porfavor gentileza me meu minha eu quero gostaria desejo solicito peço obrigado obrigada",
        others="""da de do das dos desta deste dessa sua seu vossa vosso lista mailing e mail email emails e-mail
            e-mails newsletter newsletters boletim assinatura subscrição inscrição endereço a o os as um uma mais que
            receber enviar mensagens olá bom boa dia tarde prezados att atenciosamente cumprimentos obg
            imediatamente agora já à no na em e ou contatos base dados para""",
    ),
    "pl": Words(
        strong="""wypisz wypisać wypiszcie wypisanie wypisuję wypisz_mnie usuń_mnie usuńcie_mnie usunąć_mnie
            usunięcie_mnie usuń_mój usunięcie_mojego usunięcie_z_listy usunąć_z_listy rezygnuję rezygnacja
            zrezygnować anuluj_subskrypcję anulować_subskrypcję anulowanie_subskrypcji odsubskrybować
            odsubskrybuj nie_chcę_otrzymywać nie_chcę_więcej nie_życzę_sobie proszę_nie_wysyłać nie_wysyłać
            nie_przysyłać""",
        weak="stop usuń usunąć usunięcie koniec nie_dziękuję",
        asking="proszę poproszę mnie mój mojego ja chcę chciałbym chciałabym dziękuję",
        others="""z ze o od do na w i lub listy lista mailingowej mailing newslettera newsletter newsletterów bazy
            danych subskrypcji subskrypcję adres adresu e mail mail maili mailowej email emaili wiadomości więcej
            państwa waszej waszego tej tego dzień dobry witam pozdrawiam natychmiast już reklam otrzymywać""",
    ),
    "sv": Words(
        strong="""avregistrera avregistrering avprenumerera avprenumerering avsluta_prenumeration
            avsluta_prenumerationen avsluta_min_prenumeration avanmäl avanmälan avanmäla avbeställ avbeställa
            ta_bort_mig ta_bort_min ta_mig_bort ta~bort inga_fler inga_mer inte_ha_fler
            vill_inte_ha sluta_skicka skicka_inte stryk_mig""",
        weak="stopp stop avsluta nej_tack ta_bort",
        asking="snälla mig min jag vill tack vänligen",
        others="""från för er ert era den det detta denna listan lista maillista mejllista sändlista nyhetsbrev
            nyhetsbrevet utskick mejl mail e post epost adress prenumeration hej hälsningar mvh med vänliga nu genast
            fler mer på och av att få""",
    ),
    "da": Words(
        strong="""afmeld afmelde afmelding afmeld_mig frameld framelde framelding opsig_abonnement slet_mig slet_min
            slette_mig fjern_mig fjern_min fjerne_mig ikke_flere_mails ingen_flere_mails ønsker_ikke_flere
            ønsker_ikke_at_modtage vil_ikke_have stop_med_at_sende""",
        weak="stop slet fjern nej_tak",
        asking="venligst mig min jeg vil gerne tak",
        others="""fra for jeres dit din den det denne listen liste mailliste nyhedsbrev nyhedsbrevet nyhedsbreve mails
            mail e email adresse abonnement hej hilsen med venlig mvh nu straks flere og af at modtage""",
    ),
    "no": Words(
        strong="""meld_meg_av meld_meg_ut avmeld avmelding avmelde avslutt_abonnement avslutte_abonnement slett_meg
            fjern_meg fjern_min stryk_meg ikke_flere_e_poster ingen_flere_e_poster ikke_send ønsker_ikke_flere
            ønsker_ikke_å_motta slutt_å_sende""",
        weak="stopp stop slett fjern nei_takk",
        asking="vennligst meg min jeg vil gjerne takk",
        others="""fra for deres din den det denne listen liste epostliste nyhetsbrev nyhetsbrevet e post epost eposter
            mail mailer adresse abonnement hei hilsen med vennlig mvh nå flere og av å motta""",
    ),
    "fi": Words(
        strong="""peruuta_tilaus peruuta_tilaukseni peruutan_tilauksen peruuttaa_tilauksen peruuta_uutiskirje
            lopeta_tilaus lopettaa_tilauksen poista_minut poistakaa_minut poista_sähköpostini en_halua_enää
            ei_enää_viestejä eroan_listalta""",
        weak="peruuta poista stop lopeta ei_kiitos",
        asking="kiitos minut minun olkaa hyvä haluan",
        others="""listalta postituslistalta uutiskirje uutiskirjeen uutiskirjeestä tilaus tilauksen sähköposti
            sähköpostit viestejä tämä teidän hei terveisin ystävällisin nyt heti lisää enää""",
    ),
    "cs": Words(
        strong="""odhlásit odhlašte odhlaste odhlásit_se odhlášení odhlašuji vyřaďte_mě vyřadit_mě vyškrtněte_mě
            smažte_mě odstraňte_mě zrušit_odběr zrušte_odběr nepřeji_si nechci_dostávat už_neposílejte neposílejte
            odhlásiť odhláste zrušiť_odber""",
        weak="stop zrušit smazat",
        asking="prosím mě mne můj já chci děkuji díky",
        others="""z ze od do newsletteru newsletter odběr odběru seznamu databáze e mailů mail maily emaily emailů
            dobrý den zdravím s pozdravem další již hned zasílání""",
    ),
    "ru": Words(
        strong="""отписаться отпишите отпиши отписка отписываюсь отписать отмена_подписки отменить_подписку
            отмените_подписку удалите_меня удалить_меня уберите_меня исключите_меня не_присылайте не_присылать
            не_хочу_получать больше_не_присылайте прекратите_рассылку""",
        weak="стоп удалить удалите отмена",
        asking="пожалуйста прошу меня мой я хочу спасибо",
        others="""от из с со вашей этой рассылки рассылку рассылка списка базы писем письма почты новостей подписки
            здравствуйте добрый день уважением больше немедленно сейчас мне и""",
    ),
    "hu": Words(
        strong="leiratkozás leiratkozom leiratkozni leiratkoznék töröljenek törölj_le ne_küldjenek",
        weak="stop törlés",
        asking="kérem szeretnék engem köszönöm",
        others="a az hírlevélről listáról hírlevél e mail üdvözlettel jó napot kívánok",
    ),
    "tr": Words(
        strong="""abonelikten_çık abonelikten_çıkmak aboneliğimi_iptal aboneliği_iptal listeden_çıkar listeden_çıkarın
            listenizden_çıkarın beni_çıkarın e_posta_göndermeyin mail_göndermeyin""",
        weak="stop iptal çıkar",
        asking="lütfen beni benim istiyorum teşekkürler",
        others="e posta mail bülten listesinden listenizden artık edin et merhaba",
    ),
    "ro": Words(
        strong="dezabonare dezabonați dezaboneaza dezabonați_mă dezabonez ștergeți_mă scoateți_mă nu_mai_doresc",
        weak="stop",
        asking="vă rog mă mulțumesc doresc",
        others="de la din lista newsletter e mail bună ziua să primesc mai",
    ),
}

UNSPACED = {
    "ja": """配信停止 配信解除 配信を停止 配信を止め 配信をやめ 購読解除 購読停止 購読を解除 購読を停止 登録解除
    登録を解除 登録削除
        退会 メルマガ解除 メルマガ停止 送らないで 送信しないで 配信不要 配信中止 今後の配信は不要 削除してください
        解除してください""",
    "zh": """退订 退訂 取消订阅 取消訂閱 取消关注 不要再发 不要再發 请勿再发 請勿再發 停止发送 停止發送 停止订阅
    删除我的邮箱 移除我""",
    "ko": "수신거부 수신_거부 구독취소 구독_취소 구독해지 구독_해지 수신을_거부 보내지_마 메일링_해지 탈퇴",
    "th": "ยกเลิกการสมัคร ยกเลิกรับข่าวสาร",
    "ar": "إلغاء_الاشتراك الغاء_الاشتراك إزالتي_من_القائمة",
    "he": "הסר הסירו_אותי להסיר_אותי ביטול_מנוי הסרה",
    "el": "διαγραφή απεγγραφή κατάργηση_εγγραφής διαγράψτε_με",
    "uk": "відписатися відпишіть відписка скасувати_підписку",
}
"""Phrases that say it in languages written without spaces, or of which only the phrase itself is known here."""

ASKS_HOW = "方法 どうすれば どうやって どのように 怎么 怎麼 如何 怎样 어떻게 방법 なぜ 为什么"
"""With one of these it is a question."""

GREETINGS = """hi hello hey dear good hallo guten sehr liebe lieber liebes bonjour bonsoir cher chère hola buenos
buenas
    estimado estimada estimados ciao buongiorno gentile gentili salve spettabile beste geachte hoi olá oi bom boa caro
    cara prezado prezada prezados dzień cześć witam szanowni hej hejsan kära hei kjære kære hyvä moi terve ahoj dobrý
    здравствуйте привет уважаемые добрый merhaba sayın bună"""
"""How a letter begins; such a line says nothing by itself."""
