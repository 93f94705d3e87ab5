
// Nothing here is needed to read the picture: it tells what the pointer is on, and makes the time longer.
(() => {
  const picture = document.documentElement, words = document.getElementById('words'), ticks = document.getElementById('ticks');
  const left = +picture.dataset.left, right = +picture.dataset.right, wide = right - left, length = +picture.dataset.length;
  const parts = [...document.querySelectorAll('svg.time')], foot = ticks.querySelector('line')?.getAttribute('y2') ?? 0;
  let from = 0, shown = wide;
  picture.addEventListener('pointerover', event => {
    const title = event.target.closest('g')?.querySelector(':scope > title');
    if (title) words.textContent = title.textContent;
  });
  const time = nanos => {
    const [unit, name] = nanos < 1e3 ? [1, 'ns'] : nanos < 1e6 ? [1e3, 'µs'] : nanos < 1e9 ? [1e6, 'ms'] : [1e9, 's'];
    return nanos ? +(nanos / unit).toFixed(3) + ' ' + name : '0';
  };
  const draw = () => {
    for (const part of parts) {
      const [, top, , height] = part.getAttribute('viewBox').split(' ');
      part.setAttribute('viewBox', [from, top, shown, height].join(' '));
    }
    const begin = from / wide * length, span = shown / wide * length, least = span / 10;
    const power = 10 ** Math.floor(Math.log10(least)), step = power * [1, 2, 5, 10].find(times => times * power >= least);
    ticks.replaceChildren();
    for (let at = Math.ceil(begin / step) * step; at <= begin + span; at += step) {
      const x = left + (at - begin) / span * wide, make = name => document.createElementNS(picture.namespaceURI, name);
      const line = make('line'), text = make('text');
      for (const [key, value] of Object.entries({ class: 'tick', x1: x, x2: x, y1: 14, y2: foot })) line.setAttribute(key, value);
      for (const [key, value] of Object.entries({ class: 'tick', x, y: 11 })) text.setAttribute(key, value);
      text.textContent = time(at);
      ticks.append(line, text);
    }
  };
  const place = event => (event.clientX - picture.getBoundingClientRect().left) / picture.getBoundingClientRect().width * picture.viewBox.baseVal.width;
  const move = (begin, width) => {
    shown = Math.min(wide, Math.max(wide / 1e5, width));
    from = Math.min(wide - shown, Math.max(0, begin));
    draw();
  };
  picture.addEventListener('wheel', event => {
    const x = place(event);
    if (x < left) return;
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return move(from + (event.deltaX || event.deltaY) / wide * shown, shown);
    const held = (x - left) / wide, width = Math.min(wide, shown * 1.002 ** event.deltaY);
    move(from + held * (shown - width), width);
  }, { passive: false });
  picture.addEventListener('dblclick', () => move(0, wide));
  let held = null;
  picture.addEventListener('pointerdown', event => { held = { x: place(event), from }; });
  picture.addEventListener('pointermove', event => { if (held) move(held.from - (place(event) - held.x) / wide * shown, shown); });
  addEventListener('pointerup', () => { held = null; });
})();
