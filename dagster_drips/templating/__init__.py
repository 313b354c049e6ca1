"""From a template and a lead's values to a rendered mail: sandbox, filters, styles, tracked links, plain text.

What makes a template valid beyond its syntax (variables, links, sizes) is checked in `sequences`; headers and encodings
are `message`'s part.
"""
