# SPDX-License-Identifier: Apache-2.0
"""The report in a browser: opens that of the sample as a file, uses what can be used, and expects no error and no request
to anything but files. Usage: report.py DATUS SOURCE_FOLDER. Exit code 77 where there is no browser."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from devtools import Browser, find_browser

CARDS = "document.querySelectorAll('.card:not([hidden])')"


def expect(is_so, what):
    if not is_so:
        raise AssertionError(what)


def change(browser, name, value):
    browser.value("(([name, value]) => { const e = document.getElementById(name); e.value = value;"
                  "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind)); })"
                  f"({json.dumps([name, str(value)])})")


def colours_of_first_card(browser):
    """How many colours its canvas shows; the page itself never reads a canvas."""
    return browser.value(
        "(() => { const c = document.querySelector('.card:not([hidden]) canvas.over'); if (!c || c.hidden) return 0;"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();"
        "for (let i = 0; i < d.length; i += 4) s.add(d[i] * 65536 + d[i + 1] * 256 + d[i + 2]); return s.size; })()")


def check_gallery(browser):
    browser.until(f"{CARDS}.length === 8")
    browser.until("document.querySelector('.card canvas.over') !== null")
    browser.until("document.querySelector('.card canvas.over').width > 100")
    for layer in ("truth", "segments", "classes", "errors", "mask"):
        change(browser, "layer", layer)
        browser.until(f"document.querySelector('.card .stage').dataset.layer === '{layer}'")
        browser.until("!document.querySelector('.card canvas.over').hidden && "
                      "document.querySelector('.card canvas.over').width > 100")
        expect(colours_of_first_card(browser) >= 1, f"nothing is drawn of {layer}")
    change(browser, "opacity", 20)
    expect(browser.value("document.querySelector('canvas.over').style.opacity") == "0.2", "opacity")
    change(browser, "sort", "worst")
    shares = browser.value(f"[...{CARDS}].map(c => parseFloat(c.querySelector('.note').textContent))")
    expect(shares == sorted(shares) and shares[0] < shares[-1], f"not sorted: {shares}")
    change(browser, "view", "rows")
    browser.until("document.querySelectorAll('.card:not([hidden]) .stage').length >= 6")
    change(browser, "view", "grid")


def check_maps(browser):
    """What the page decodes out of PNG files is what the browser itself sees in them."""
    wrong = browser.value("""(async () => {
      const result = data.results[0];
      let wrong = 0, pixels = 0, labels = new Set();
      for (const { image } of data.images) {
        const still = document.querySelector(`#image-${image} .still`);
        await still.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: still.naturalWidth, height: still.naturalHeight });
        const context = canvas.getContext('2d');
        context.drawImage(still, 0, 0);
        const seen = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const map = await mapOf(image, result.layer);
        for (let i = 0; i < map.labels.length; ++i, ++pixels) {
          const hex = map.labels[i] < 0 ? '#000000' : result.clusters[map.labels[i]].colour;
          labels.add(map.labels[i]);
          if (hex !== '#' + [...seen.slice(4 * i, 4 * i + 3)].map((v) => v.toString(16).padStart(2, '0')).join('')) ++wrong;
        }
      }
      return [wrong, pixels > 1e5, labels.size > 3];
    })()""")
    expect(wrong == [0, True, True], f"pixels with another label, enough pixels, enough labels: {wrong}")


def check_k(browser):
    expect(browser.value("document.querySelectorAll('[data-k=\"6\"].chosen').length") > 0, "the first K is not shown")
    captions = "[...document.querySelectorAll('.card .note')].map(n => n.textContent).sort().join()"
    before = browser.value(captions)
    change(browser, "k", "10")
    expect(browser.value("[...document.querySelectorAll('[data-k=\"6\"]')].every(e => !e.offsetParent)"), "K = 6 stays")
    browser.until(f"{captions} !== {json.dumps(before)}")
    change(browser, "filter", "c3")
    some = browser.value(f"{CARDS}.length")
    wanted = browser.value("data.images.filter(i => i.pixels['10'].some(c => c[0] === 3)).length")
    expect(some == wanted and 0 < some < 8, f"{some} images with cluster 3, not {wanted}")
    change(browser, "filter", "")


def check_viewer(browser):
    name = "document.getElementById('viewer-name').textContent"
    browser.value("document.querySelector('.card:not([hidden]) .stages').click()")
    browser.until("document.getElementById('viewer').open")
    first = browser.value(name)
    browser.press("ArrowRight")
    browser.until(f"{name} !== {json.dumps(first)}")
    browser.press("ArrowLeft")
    browser.until(f"{name} === {json.dumps(first)}")
    browser.value("document.querySelector('#viewer-clusters .key').click()")
    expect(browser.value("state.lit.kind") == "cluster", "the cluster is not highlighted")
    browser.press("Escape")
    browser.until("!document.getElementById('viewer').open")


def check_clusters(browser):
    browser.value("location.hash = '#cluster-10-2'")
    browser.until("document.getElementById('cluster-10-2').open")
    expect(browser.value("[...document.querySelectorAll('#cluster-10-2 .cutouts img')].every("
                         "i => i.naturalWidth > 0 && i.alt.includes('segment'))"), "cut-outs")
    browser.value("{const e = document.querySelector('#cluster-10-2 input.name'); e.value = 'eel \"x\"';"
                  "e.dispatchEvent(new Event('input'))}")
    expect(browser.value("document.querySelector('#cluster-10-2 summary b').textContent") == '2 · eel "x"', "the name")
    expect(browser.value("namesText()") == '# K = 10\n2: "eel \\"x\\""\n', "names.yaml")
    with_it = "document.querySelector('#cluster-10-2 button.only').click()"
    browser.value(with_it)
    expect(browser.value("document.getElementById('filter').value") == "c2", "images with it")


def check_rest(browser):
    browser.value("document.getElementById('theme').click()")
    expect(browser.value("document.documentElement.dataset.theme") == "dark", "dark")
    browser.value("document.getElementById('job').open = true")
    browser.until("document.querySelectorAll('#job-facts tr').length > 5")
    # The job after the one that did the work had nothing to do: the times are still those of the work.
    row = json.loads(browser.value(
        "JSON.stringify([...document.querySelectorAll('#job-facts tr')].map(r => [...r.children].map(c => c.textContent))"
        ".find(r => r[0] === 'extract'))"))
    expect(float(row[1]) > 0 and row[2] == "8" and "in an earlier job" in row[4], f"times of extract: {row}")
    expect(browser.value("[...document.querySelectorAll('img')].every(i => i.alt)"), "an image without a text")
    for width in (400, 900, 1400):
        browser.size(width, 900)
        expect(browser.value("document.documentElement.scrollWidth") <= width, f"wider than {width} pixels")


def check_without_script(browser, address):
    browser.without_script()
    browser.open(address)
    pictures = browser.value("[...document.querySelectorAll('.stills img')].filter("
                             "i => i.offsetParent && i.naturalWidth > 0).length")
    expect(pictures == 16, f"{pictures} photos and masks of 8 images are seen without script")


def check_comparison(browser, address):
    """The page of 'datus compare'."""
    browser.open(address)
    names = "[...document.querySelectorAll('.card')].map(c => c.dataset.name)"
    change(browser, "sort", "name")
    expect(browser.value(f"{names}.length === 8 && {names}.join() === {names}.sort().join()"), "sorted by name")
    change(browser, "sort", "loss")
    gains = browser.value("[...document.querySelectorAll('.card')].map(c => Number(c.dataset.gain))")
    expect(gains == sorted(gains) and gains[0] < gains[-1], f"not sorted by loss: {gains}")
    expect(browser.value("[...document.querySelectorAll('.stage img')].filter(i => i.naturalWidth > 0 && i.alt).length")
           == 40, "photo, ground truth, masks and differences of 8 images")
    for width in (400, 900, 1400):
        browser.size(width, 900)
        expect(browser.value("document.documentElement.scrollWidth") <= width, f"comparison wider than {width} pixels")


def check_html(page):
    """By tidy, where it is there."""
    if not shutil.which("tidy"):
        return
    result = subprocess.run(["tidy", "-errors", "-quiet", page], capture_output=True, text=True, check=False)
    # Swatches are empty elements with a colour.
    problems = [line for line in result.stderr.splitlines() if line and "trimming empty" not in line]
    expect(not problems, "\n".join(problems[:10]))


def main():
    datus, source = sys.argv[1:]
    program = find_browser()
    if not program:
        print("skipped: there is no chromium")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        subprocess.run([datus, "run", os.path.join(source, "tests/sample.yaml"), "--run", run, "-q",
                        # So that some pixels have no label.
                        "--set", "mask.labels=segment", "--set", "mask.refine=none"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([datus, "report", run, "-q"], check=True, stdout=subprocess.DEVNULL)
        page = pathlib.Path(run, "report/index.html")
        check_html(str(page))
        comparison = pathlib.Path(folder, "compared.html")
        subprocess.run([datus, "compare", run, run, "--k", "6,10", "--out", comparison, "-q"], check=True,
                       stdout=subprocess.DEVNULL)
        check_html(str(comparison))
        with Browser(program) as browser:
            browser.size(1400, 900)
            browser.open(page.as_uri())
            check_gallery(browser)
            check_maps(browser)
            check_k(browser)
            check_viewer(browser)
            check_clusters(browser)
            check_rest(browser)
            check_comparison(browser, comparison.as_uri())
            check_without_script(browser, page.as_uri())
            foreign = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:", "about:"))]
            expect(not foreign, f"requests to {foreign}")
            expect(not browser.errors, f"errors: {browser.errors}")
    print("the report works in a browser")


if __name__ == "__main__":
    main()
