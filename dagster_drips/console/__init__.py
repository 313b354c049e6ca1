"""The console: a project's published numbers and its files, looked at in a browser on this machine.

Here belong pages (`screens/`, a file each with its SQL beside it), what they share, and the script that Streamlit runs
(`app`). Numbers are those of the marts: nothing is decided or defined here. The warehouse is never opened.
"""
