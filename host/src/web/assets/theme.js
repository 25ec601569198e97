// Colours of the style sheet for a canvas, which takes only those that are worked out already.

/** A function from the name of a custom property to its colour now, where `element` stands. */
export function colours(element) {
  const probe = element.querySelector(":scope > .probe") ?? document.createElement("span");
  probe.className = "probe";
  if (!probe.isConnected) element.append(probe);
  return (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}
