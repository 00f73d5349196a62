from __future__ import annotations

import gzip

import pytest

from querygen_core.api import Context
from querygen_core.testing import InputContract, PluginContract, context
from querygen_files import build_auto, build_catalogue
from querygen_files.options import AutoOptions, CatalogueOptions

ROWS = {
    "csv": ("id,title,brand\n", '{0},"Kettle {0}",Acme\n', "1,too short\n", ""),
    "tsv": ("id\ttitle\tbrand\n", "{0}\tKettle {0}\tAcme\n", "1\ttoo short\n", ""),
    "jsonl": ("", '{{"id": "{0}", "title": "Kettle {0}", "brand": "Acme"}}\n', "{oops}\n", ""),
    "json": ("[", '{{"id": "{0}", "title": "Kettle {0}", "brand": "Acme"}},\n', "{oops},\n", "]"),
    "yaml": ("", "- id: {0}\n  title: Kettle {0}\n  brand: Acme\n", "- [oops\n", ""),
    "xml": ("<rss>", "<item><id>{0}</id><title>Kettle {0}</title></item>\n", "<item><a></item>\n", "</rss>"),
    "jsonl.gz": ("", '{{"id": "{0}", "title": "Kettle {0}", "brand": "Acme"}}\n', "{oops}\n", ""),
}


def write(folder, form, count, *, broken=False):
    head, row, oops, tail = ROWS[form]
    path = folder / f"shop-{count}.{form}"
    text = head + "".join(row.format(number) for number in range(count)) + (oops if broken else "") + tail
    path.write_bytes(gzip.compress(text.encode()) if form.endswith(".gz") else text.encode())
    return str(path)


@pytest.mark.parametrize("form", ROWS)
class TestCatalogue(InputContract):
    @pytest.fixture(autouse=True)
    def _take_form(self, form):
        self.form = form

    def build(self, tmp_path):
        return self.catalogue(tmp_path, write(tmp_path, self.form, 20, broken=True))

    @pytest.mark.slow
    def test_keeps_little_in_memory(self):
        super().test_keeps_little_in_memory()

    def many(self, tmp_path, count):
        return self.catalogue(tmp_path, write(tmp_path, self.form, count))

    def missing(self, tmp_path):
        return self.catalogue(tmp_path, "nowhere.csv")

    @staticmethod
    def catalogue(folder, path):
        return build_catalogue(CatalogueOptions(path=path), context(folder))


class TestAuto(InputContract):
    def build(self, tmp_path):
        products = '[{"id": 1, "title": "A"}, {"id": 2, "title": "B"}, {"id": 3}]'
        return build_auto(AutoOptions(), self.surroundings(tmp_path, environ={"PRODUCTS_JSON": products}))

    def many(self, tmp_path, count):
        path = write(tmp_path, "csv", count)
        return build_auto(AutoOptions(), self.surroundings(tmp_path, products_file=path))

    def missing(self, tmp_path):
        return build_auto(AutoOptions(), self.surroundings(tmp_path))

    @staticmethod
    def surroundings(folder, **given) -> Context:
        return context(folder, **{"environ": {}, **given})


class TestPlugin(PluginContract):
    package = "querygen_files"
