"""Reading the files of conda projects: environment.yml and conda-lock.yml.

Everything is parsed once, by PyYAML, with the place of every complaint. What a file says is data:
no tag of YAML makes an object of it, and its size, also with its aliases written out, is limited.
"""
