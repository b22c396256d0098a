
/*
 * The status page.  nginx keeps samples of the last ten minutes: those are
 * drawn first; then the page asks for the numbers every other second and adds
 * them.  A sample is the list of numbers whose paths in the JSON the history
 * names, so nothing is named twice.
 */

(() => {
"use strict";

const EVERY = 2000;         // milliseconds
const WINDOW = 600;         // seconds
const RECENT = 5;           // samples that a "now" is taken over,
const SMOOTH = 3;           // and a point of a plot

const errors = ["unauthorized", "forbidden", "invalid", "unavailable",
                "error", "aborted"];

// what the plots show of two samples, the older one first; null: nothing; and
// how a line is dashed that may hide another
const panels = [
    {
        title: "Accepted", unit: "/s",
        lines: [
            ["requests", (a, b) => rate(a, b, "requests/created",
                                        "requests/ok")],
            ["rows", (a, b) => rate(a, b, "rows"), [4, 6]],
        ],
    },
    {
        title: "Commit time", unit: "ms for 95%",
        lines: [
            ["95%", (a, b) => quantile(a, b, .95)],
            ["median", (a, b) => quantile(a, b, .5)],
            ["99%", (a, b) => quantile(a, b, .99)],
        ],
    },
    {
        title: "Queue", unit: "rows",
        lines: [["waiting", (a, b) => b["queue/rows"]]],
    },
    {
        title: "Connections", unit: "open",
        now: (a, b) => b["connections/idle"] + b["connections/busy"],
        bad: (value) => value === 0,
        lines: ["idle", "busy", "connecting", "down"].map(
            (state) => [state, (a, b) => b["connections/" + state]]),
    },
    {
        title: "Tokens from the cache", unit: "%", max: 100,
        lines: [["hits", hits]],
    },
    {
        title: "Refused and failed", unit: "/s",
        now: (a, b) => rate(a, b, ...errors.map((name) => "requests/" + name)),
        bad: (value, a, b) => rate(a, b, "requests/unavailable",
                                   "requests/error") > 0,
        lines: errors.map(
            (name) => [name, (a, b) => rate(a, b, "requests/" + name)]),
    },
];


let fields = null;          // paths
let samples = [];           // objects by path
let started = 0;            // of the nginx they are from
let answered = Date.now();


// numbers

function rate(a, b, ...paths) {
    const sum = (s) => paths.reduce((n, path) => n + s[path], 0);
    const seconds = b.time - a.time;

    return seconds > 0 ? Math.max(0, sum(b) - sum(a)) / seconds : null;
}

function hits(a, b) {
    const grown = (name) => b["tokens/" + name] - a["tokens/" + name];
    const known = grown("hits") + grown("negative_hits");
    const all = known + grown("misses");

    return all > 0 ? 100 * known / all : null;
}

// milliseconds, within a bucket as if its commits were spread evenly
function quantile(a, b, q) {
    const paths = fields.filter((path) => path.startsWith("commit_time/"));
    const grown = paths.map((path) => b[path] - a[path]);

    let left = q * grown.reduce((n, m) => n + m, 0);
    let lower = 0;

    if (left <= 0) {
        return null;
    }

    for (let i = 0; i < paths.length; i++) {
        const bound = parseFloat(paths[i].split("/")[1]);
        const upper = isNaN(bound) ? lower : 1000 * bound;

        if (grown[i] >= left) {
            return lower + (upper - lower) * left / grown[i];
        }

        left -= grown[i];
        lower = upper;
    }

    return lower;
}

function text(value) {
    if (value === null || value === undefined || isNaN(value)) {
        return "–";
    }

    return value >= 100 ? Math.round(value).toLocaleString("en")
                        : String(+value.toPrecision(value < 1 ? 2 : 3));
}

function clock(seconds) {
    return new Date(1000 * seconds).toTimeString().slice(0, 8)
        .replace(/:00$/, "");
}

function duration(seconds) {
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const i = parts.findIndex(([size]) => seconds >= size);

    if (i === -1) {
        return "0 s";
    }

    const more = parts[i + 1];
    const rest = more && Math.floor(seconds % parts[i][0] / more[0]);

    return Math.floor(seconds / parts[i][0]) + " " + parts[i][1]
           + (rest ? " " + rest + " " + more[1] : "");
}


// drawing

function color(name) {
    return getComputedStyle(document.documentElement)
        .getPropertyValue(name).trim();
}

function element(parent, name, className, content) {
    const el = document.createElement(name);

    el.className = className || "";
    el.textContent = content || "";
    parent.append(el);

    return el;
}

function axis(more) {
    return {
        stroke: () => color("--soft"),
        grid: { stroke: () => color("--grid"), width: 1 },
        ticks: { show: false },
        font: "12px system-ui, sans-serif",
        ...more,
    };
}

// of time: what there is, but neither a moment nor more than the window
function span() {
    const last = samples.length ? samples.at(-1).time : Date.now() / 1000;
    const first = samples.length ? samples[0].time : last;

    return [Math.max(last - WINDOW, Math.min(first, last - WINDOW / 10)),
            last];
}

function make(panel) {
    const section = element(document.getElementById("plots"), "section");

    element(section, "h2", "", panel.title);
    panel.number = element(section, "p", "now");
    panel.box = element(section, "div", "plot");

    const key = element(section, "ul", "key");

    panel.values = panel.lines.map(([name], i) => {
        const item = element(key, "li", "c" + (i + 1), name + " ");

        return element(item, "b");
    });

    panel.plot = new uPlot({
        width: 300,
        height: 180,
        legend: { show: false },
        cursor: {
            y: false,
            drag: { x: false, y: false },
            points: { size: 6 },
            sync: { key: "time" },
        },
        hooks: { setCursor: [() => write(panel)] },
        padding: [8, 16, 0, 0],
        scales: {
            x: { time: true, range: span },
            y: { range: (plot, low, high) =>
                [0, panel.max || Math.max(high * 1.1, 1)] },
        },
        axes: [
            axis({ size: 28, space: 60, incrs: [15, 30, 60, 120, 300],
                   values: (plot, ticks) => ticks.map(clock) }),
            axis({ size: 46, space: 34,
                   values: (plot, ticks) => ticks.map(text) }),
        ],
        series: [{}, ...panel.lines.map(([name, of, dash], i) => ({
            label: name,
            dash: dash,
            stroke: () => color("--c" + (i + 1)),
            fill: i ? undefined : () => color("--fill"),
            width: 1.75,
            points: { show: false },
        }))],
    }, panel.lines.map(() => []).concat([[]]), panel.box);

    new ResizeObserver(() => resize(panel)).observe(panel.box);
    resize(panel);
}

function resize(panel) {
    panel.plot.setSize({ width: panel.box.clientWidth,
                         height: panel.box.clientHeight });
}

// the number and the key: of now, or of where the cursor is
function write(panel) {
    if (!panel.last) {
        return;
    }

    const at = panel.plot.cursor.idx;

    panel.values.forEach((el, i) => {
        el.textContent = text(at === null || at === undefined
                              ? panel.last[i]
                              : panel.plot.data[i + 1][at]);
    });
}

function draw() {
    const last = samples.at(-1);
    const recent = samples[Math.max(0, samples.length - 1 - RECENT)];
    const times = samples.slice(1).map((sample) => sample.time);

    for (const panel of panels) {
        const now = panel.now || panel.lines[0][1];
        const value = samples.length > 1 ? now(recent, last) : null;

        panel.number.textContent = text(value) + " ";
        panel.number.classList.toggle("bad", samples.length > 1
            && !!panel.bad && panel.bad(value, recent, last));
        element(panel.number, "small", "", panel.unit);

        panel.last = panel.lines.map(
            ([, of]) => samples.length > 1 ? of(recent, last) : null);

        panel.plot.setData([times, ...panel.lines.map(([, of]) =>
            times.map((time, i) => of(samples[Math.max(0, i + 1 - SMOOTH)],
                                      samples[i + 1])))]);

        write(panel);
    }
}

function fill(json) {
    for (const td of document.querySelectorAll("td[data-at]")) {
        const value = JSON.parse(td.dataset.at).reduce(
            (part, name) => part === undefined ? part : part[name], json);

        td.textContent = value === undefined ? "" : value;
    }

    document.getElementById("about").textContent =
        `module ${json.version}, nginx ${json.nginx}, ${json.workers} worker`
        + (json.workers === 1 ? "" : "s") + ", up "
        + duration(json.time - json.started);

    tell(Object.entries(json.stores)
         .filter(([, store]) => store.trouble)
         .map(([name, store]) => name + ": " + store.trouble));
}

function tell(troubles) {
    const list = document.getElementById("troubles");

    list.replaceChildren();
    troubles.forEach((trouble) => element(list, "li", "", trouble));

    document.body.className = troubles.length ? "down" : "up";
    document.title = (troubles.length ? "! " : "") + "nginx results";
}


// asking

async function ask(query) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), 5000);

    try {
        const response = await fetch(location.pathname + query,
                                     { signal: abort.signal });

        if (!response.ok) {
            throw new Error(response.status);
        }

        return await response.json();

    } finally {
        clearTimeout(timer);
    }
}

async function begin() {
    const json = await ask("?format=json&history=1");

    fields = json.history.fields;
    samples = json.history.samples.map((values) => Object.fromEntries(
        fields.map((path, i) => [path, values[i]])));
    started = json.started;

    add(json);
}

function add(json) {
    samples.push(Object.fromEntries(fields.map((path) =>
        [path, path.split("/").reduce((part, name) => part[name], json)])));

    samples = samples.filter(
        (sample) => sample.time > json.time - WINDOW - 10);

    fill(json);
    draw();
}

async function step() {
    if (document.hidden) {
        fields = null;      // what is missed meanwhile, the history has
        return;
    }

    try {
        if (fields === null) {
            await begin();

        } else {
            const json = await ask("?format=json");

            if (json.started === started) {
                add(json);
            } else {
                await begin();
            }
        }

        answered = Date.now();

    } catch (error) {
        tell(["nginx has not answered for "
              + duration((Date.now() - answered) / 1000)]);
    }
}

async function run() {
    for (;;) {
        await step();
        await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
}


panels.forEach(make);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
    () => panels.forEach((panel) => panel.plot.redraw()));
run();

})();
