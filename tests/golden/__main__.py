from tests.golden import HERE, renders, shown

for name, request in renders():
    (HERE / name).write_text(shown(request), encoding="utf-8")
