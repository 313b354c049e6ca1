"""What made-up leads are called, where they live and what their companies do. Data only.

Domains that are made of these end in `.example` (RFC 2606), so that nobody real is ever written to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where leads live: `weight` is the share of them, `names` a key of `FIRST_NAMES` and `LAST_NAMES`."""

    weight: int
    country: str
    locale: str
    timezone: str
    names: str


PLACES = (
    Place(18, "DE", "de-DE", "Europe/Berlin", "german"),
    Place(4, "AT", "de-AT", "Europe/Vienna", "german"),
    Place(4, "CH", "de-CH", "Europe/Zurich", "german"),
    Place(13, "GB", "en-GB", "Europe/London", "english"),
    Place(3, "IE", "en-IE", "Europe/Dublin", "english"),
    Place(9, "FR", "fr-FR", "Europe/Paris", "french"),
    Place(3, "BE", "fr-BE", "Europe/Brussels", "french"),
    Place(6, "NL", "nl-NL", "Europe/Amsterdam", "dutch"),
    Place(5, "ES", "es-ES", "Europe/Madrid", "spanish"),
    Place(3, "PT", "pt-PT", "Europe/Lisbon", "portuguese"),
    Place(4, "SE", "sv-SE", "Europe/Stockholm", "nordic"),
    Place(3, "DK", "da-DK", "Europe/Copenhagen", "nordic"),
    Place(3, "FI", "fi-FI", "Europe/Helsinki", "nordic"),
    Place(3, "PL", "pl-PL", "Europe/Warsaw", "polish"),
    Place(13, "US", "en-US", "America/New_York", "english"),
    Place(3, "CO", "es-CO", "America/Bogota", "spanish"),
    Place(3, "CA", "en-CA", "America/Toronto", "english"),
    Place(3, "BR", "pt-BR", "America/Sao_Paulo", "portuguese"),
    Place(3, "SG", "en-SG", "Asia/Singapore", "singaporean"),
    Place(2, "JP", "ja-JP", "Asia/Tokyo", "japanese"),
    Place(2, "NG", "en-NG", "Africa/Lagos", "nigerian"),
    Place(2, "AU", "en-AU", "Australia/Sydney", "english"),
)

_FIRST_NAMES = {
    "german": "Anna Lena Jonas Felix Marie Lukas Sophie Paul Katrin Stefan Miriam Tobias Ines Matthias Greta Jan",
    "english": "Olivia Jack Amelia Harry Grace Thomas Ruby Oscar Hannah Samuel Ella Daniel Chloe Joseph Naomi Ryan",
    "french": "Camille Louis Chloé Hugo Manon Jules Léa Antoine Inès Mathieu Élodie Thibault Sarah Rémi Zoé Nicolas",
    "dutch": "Sanne Daan Femke Bram Lotte Sem Anouk Thijs Fleur Ruben Maaike Joost Iris Koen Esther Niels",
    "spanish": "Lucía Mateo Carmen Diego Sofía Javier Elena Pablo Marta Álvaro Rocío Sergio Paula Andrés Irene Raúl",
    "portuguese": (
        "Beatriz João Mariana Tiago Inês Rafael Catarina Duarte Leonor Bruno Joana Rui Camila Caio Helena Davi"
    ),
    "nordic": "Astrid Erik Freja Lars Ingrid Oskar Saga Mikkel Elin Aksel Linnea Henrik Aino Väinö Sigrid Nils",
    "polish": "Zofia Jakub Maja Piotr Agnieszka Tomasz Ewa Marcin Alicja Paweł Magda Kamil Oliwia Michał Iga Adam",
    "singaporean": "Jia Wei Hui Min Kai Xin Jun Li Siti Priya Arjun Farah Grace Aisyah Marcus Yan",
    "japanese": "Yui Haruto Aoi Ren Sakura Kaito Hina Sota Mio Riku Akari Yuto Emi Daiki Nana Kenta",
    "nigerian": (
        "Adaeze Chidi Ngozi Emeka Folake Tunde Amara Obinna Yetunde Segun Ifeoma Kelechi Zainab Musa Bisi Uche"
    ),
}
_LAST_NAMES = {
    "german": (
        "Krüger Lindner Hofmann Seidel Brandt Vogel Albrecht Sommer Kühn Jansen Böhm Pohl Winter Haas Ziegler Arnold"
    ),
    "english": (
        "Whitfield Mercer Holloway Pryce Ashby Thornton Cole Barrow Finch Hale Osborne Reid Sutton Lowe Marsh Keane"
    ),
    "french": (
        "Moreau Lefèvre Garnier Chevalier Roussel Blanchard Fontaine Mercier Girard Perrin Renaud Lambert "
        "Colin Faure Gautier Noël"
    ),
    "dutch": (
        "Bakker Visser Smits Dekker Mulder Kuipers Hoekstra Schouten Postma Verhoeven Kok Willems Prins Blom "
        "Vos Huisman"
    ),
    "spanish": (
        "Navarro Ortega Vidal Campos Herrera Molina Ibáñez Prieto Serrano Rivas Lozano Cano Pascual Bravo Gallego Soler"
    ),
    "portuguese": (
        "Carvalho Teixeira Moreira Pinto Figueiredo Barbosa Nogueira Cardoso Matos Correia Freitas Tavares "
        "Lopes Antunes Neves Reis"
    ),
    "nordic": (
        "Lindqvist Holm Nyström Bergström Dahl Sørensen Virtanen Ek Hagen Lund Korhonen Sandberg Krogh Åberg "
        "Falk Winther"
    ),
    "polish": (
        "Nowicka Zieliński Wójcik Lis Mazur Kaczmarek Sikora Baran Duda Wilk Szulc Pawlak Czerwińska "
        "Rutkowski Górska Kubiak"
    ),
    "singaporean": "Tan Lim Ng Wong Goh Chua Ong Koh Teo Nair Pillai Rahman Ismail Chan Ho Yeo",
    "japanese": (
        "Tanabe Mori Ishida Okada Fujita Hayashi Ueda Kimura Nakano Shimizu Ogawa Hara Endo Sakai Maeda Miyake"
    ),
    "nigerian": "Okafor Adeyemi Eze Balogun Nwosu Bello Obi Adebayo Okeke Lawal Onyango Abubakar Uzoma Ojo Ibe Sanni",
}
FIRST_NAMES = {names: text.split() for names, text in _FIRST_NAMES.items()}
LAST_NAMES = {names: text.split() for names, text in _LAST_NAMES.items()}

_COMPANY_WORDS = (
    "Alder Amber Anchor Aurora Beacon Birch Bramble Bright Cedar Cobalt Copper Coral Crescent Delta Elm "
    "Ember Falcon Fern Flint Garnet Granite Harbour Hazel Heron Ivory Juniper Kestrel Lantern Larch "
    "Lumen Maple Marble Meadow Mosaic Nimbus North Oak Onyx Opal Orchard Osprey Pebble Pine Quartz Quill "
    "Raven Ridge River Rowan Saffron Sage Silver Slate Spruce Sparrow Summit Thistle Timber Tulip Umber "
    "Velvet Willow Wren Zephyr"
)
COMPANY_WORDS = _COMPANY_WORDS.split()
# Industry, and what such companies call themselves.
TRADES = (
    ("logistics", ("Freight", "Logistics", "Cargo")),
    ("health", ("Dental", "Clinics", "Care")),
    ("retail", ("Outfitters", "Goods", "Market")),
    ("software", ("Systems", "Software", "Labs")),
    ("construction", ("Builders", "Roofing", "Timberworks")),
    ("finance", ("Insurance", "Advisors", "Ledger")),
    ("hospitality", ("Bakery", "Hotels", "Kitchen")),
    ("education", ("Academy", "School", "Press")),
    ("energy", ("Solar", "Power", "Heating")),
)
FEATURES = ("board", "calendar", "reports", "automation", "comments", "mobile_app", "import", "templates")
PAGES = (
    "/pricing",
    "/features",
    "/security",
    "/customers",
    "/blog/meetings",
    "/docs/start",
    "/integrations",
    "/about",
    "/",
)
# Product, and what a seat of it costs a month.
PRODUCTS = (
    ("Acme Team", 9.0),
    ("Acme Business", 19.0),
    ("Acme Plus", 29.0),
    ("Training day", 490.0),
    ("Onboarding package", 890.0),
)
