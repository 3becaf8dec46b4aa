/* Draws the evidence charts from the JSON beside each plot. Names come from outside: they only ever become text. */
(function () {
  "use strict";
  const drawn = new Map();
  const GROUP = "evidence";

  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = "var(" + name + ")";
    probe.hidden = true;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function digits(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
    return String(Number(value.toPrecision(3)));
  }

  function scaled(value, steps) {
    for (const [factor, unit] of steps) if (Math.abs(value) >= factor) return digits(value / factor) + unit;
    const [factor, unit] = steps[steps.length - 1];
    return digits(value / factor) + (value === 0 ? steps.find((s) => s[0] === 1 || s[1] === " s")[1] : unit);
  }

  const SECONDS = [[3600, " h"], [60, " min"], [1, " s"], [1e-3, " ms"], [1e-6, " µs"]];
  const BYTES = [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"], [1, " B"]];
  const PLAIN = [[1e9, "G"], [1e6, "M"], [1e4, "k"], [0, ""]];

  function quantity(value, unit) {
    if (value === null || value === undefined) return "no value";
    if (unit === "s") return scaled(value, SECONDS);
    if (unit === "ms") return scaled(value / 1e3, SECONDS);
    if (unit === "B") return scaled(value, BYTES);
    if (unit === "ratio") return digits(value * 100) + " %";
    if (unit === "percent") return digits(value) + " %";
    const size = Math.abs(value);
    const [factor, prefix] = size >= 1e9 ? PLAIN[0] : size >= 1e6 ? PLAIN[1] : size >= 1e4 ? [1e3, "k"] : [1, ""];
    return digits(value / factor) + prefix + (unit ? " " + unit : "");
  }

  function clock(ms) {
    return new Date(ms).toISOString().slice(11, 19);
  }

  function tip(spec, index) {
    const box = document.createElement("div");
    box.className = "plot-tip";
    const lines = [
      ["", clock(spec.times[index] * 1e3) + " UTC"],
      ["value ", quantity(spec.value[index], spec.unit)],
    ];
    if (spec.expected[index] !== null && spec.expected[index] !== undefined) {
      lines.push(["expected ", quantity(spec.expected[index], spec.unit)]);
    }
    if (spec.lower[index] !== null && spec.upper[index] !== null && spec.lower[index] !== undefined) {
      lines.push(["normal ", quantity(spec.lower[index], spec.unit) + " to " + quantity(spec.upper[index], spec.unit)]);
    }
    for (const [label, text] of lines) {
      const line = document.createElement("div");
      const strong = document.createElement("b");
      strong.textContent = text;
      line.append(label, strong);
      box.append(line);
    }
    return box;
  }

  function options(spec) {
    const value = colour("--chart-value"), expected = colour("--chart-expected"), band = colour("--chart-band");
    const grid = colour("--chart-grid"), muted = colour("--muted"), critical = colour("--critical"), good = colour("--good");
    const times = spec.times.map((s) => s * 1e3);
    const pairs = (numbers) => times.map((t, i) => [t, numbers[i] ?? null]);
    const isBanded = spec.lower.some((x) => x !== null) && spec.upper.some((x) => x !== null);
    const kinds = { onset: [critical, "dashed"], detected: [critical, "solid"], acted: [value, "dotted"], resolved: [good, "solid"] };
    const marks = spec.marks.filter((m) => m.at >= spec.times[0] && m.at <= spec.times[times.length - 1] + 1);
    const series = [];
    if (isBanded) {
      const width = spec.upper.map((x, i) => (x === null || spec.lower[i] === null ? null : x - spec.lower[i]));
      const silent = { type: "line", stack: "band", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 }, animation: false };
      series.push({ ...silent, data: pairs(spec.lower) });
      series.push({ ...silent, data: pairs(width), areaStyle: { color: band, opacity: 1 } });
    }
    series.push({
      type: "line", data: pairs(spec.expected), symbol: "none", silent: true, animation: false,
      lineStyle: { color: expected, width: 1.3, type: "dashed" },
    });
    series.push({
      type: "line", data: pairs(spec.value), symbol: "none", animation: false, z: 5, connectNulls: false,
      lineStyle: { color: value, width: 1.9 }, itemStyle: { color: value },
      emphasis: { disabled: true },
      markLine: {
        symbol: "none", silent: true, animation: false, label: { show: false },
        data: marks.map((m) => ({ xAxis: m.at * 1e3, lineStyle: { color: kinds[m.name][0], type: kinds[m.name][1], width: 1.4 } })),
      },
    });
    return {
      useUTC: true,
      animation: false,
      backgroundColor: "transparent",
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: 12, top: 12, bottom: 2, containLabel: true },
      tooltip: {
        trigger: "axis", confine: true, transitionDuration: 0, backgroundColor: colour("--surface"), borderColor: colour("--line-strong"),
        padding: [6, 10], axisPointer: { lineStyle: { color: muted } },
        formatter: (points) => tip(spec, (Array.isArray(points) ? points[0] : points).dataIndex),
      },
      xAxis: {
        type: "time", min: times[0], max: times[times.length - 1], splitNumber: 4,
        axisLine: { lineStyle: { color: grid } }, axisTick: { show: false },
        axisLabel: { color: muted, fontSize: 11, hideOverlap: true, formatter: (t) => clock(t).slice(0, 5) },
      },
      yAxis: {
        type: "value", scale: true, splitNumber: 3, splitLine: { lineStyle: { color: grid } },
        axisLabel: { color: muted, fontSize: 11, formatter: (v) => quantity(v, spec.unit) },
      },
      series,
    };
  }

  function draw(plot) {
    const source = plot.parentElement.querySelector('script[type="application/json"]');
    if (!source || drawn.has(plot)) return;
    const spec = JSON.parse(source.textContent);
    if (!spec.times.length) return;
    const chart = window.echarts.init(plot, null, { renderer: "canvas" });
    chart.group = GROUP;
    chart.setOption(options(spec));
    drawn.set(plot, { chart, spec });
    plot.dataset.drawn = "yes";
    sizes.observe(plot);
  }

  const sizes = new ResizeObserver(function (entries) {
    for (const { target } of entries) if (drawn.has(target)) drawn.get(target).chart.resize();
  });

  function refresh() {
    for (const [plot, { chart }] of drawn) {
      if (!plot.isConnected) {
        sizes.unobserve(plot);
        chart.dispose();
        drawn.delete(plot);
      }
    }
    document.querySelectorAll(".plot").forEach(draw);
    if (window.echarts) window.echarts.connect(GROUP);
  }

  document.addEventListener("faultline:parts", refresh);
  document.addEventListener("faultline:theme", function () {
    for (const { chart, spec } of drawn.values()) chart.setOption(options(spec), true);
  });
  refresh();
})();
