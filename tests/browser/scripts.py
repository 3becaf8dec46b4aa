"""What the tests run inside the page to measure it."""

INK = """
const shown = document.querySelector('.plot canvas');
const copy = new OffscreenCanvas(shown.width, shown.height).getContext('2d', { willReadFrequently: true });
copy.drawImage(shown, 0, 0);
const data = copy.getImageData(0, 0, shown.width, shown.height).data;
window.ink = (r, g, b) => {
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const distance = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
    if (data[i + 3] > 200 && distance < 40) count++;
  }
  return count;
};
"""
"""Afterwards ``ink(r, g, b)`` counts the pixels of the first chart that have this colour."""

CONTRAST = """() => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest('svg, script, noscript, .hidden-text, [hidden]')) continue;
    const front = luminance(rgba(getComputedStyle(element).color)), back = luminance(behind(element));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) poor.add(element.className + ': ' + text.slice(0, 20) + ' ' + ratio.toFixed(2));
  }
  return [...poor];
}"""
"""Lists the texts whose contrast to the ground behind them is below 4.5, the WCAG 2 AA bound."""
