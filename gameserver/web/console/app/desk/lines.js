// From pasted lines to targets: "Argentina: 10 Messi" is Messi of Argentina with the number 10.

/** The id of a part, as the server makes it. */
export const idOf = (name) => name.normalize("NFKC").toLowerCase().normalize("NFKC").trim().replace(/[\s_]+/g, "-");

/**
 * What lines become: `{ roots, targets, labels, faults, count }`. A node is { id, name, number, line, nodes, repeats,
 * isMade }, `isMade` if no line but one of its children made it; `faults` are { line, text, why }.
 */
export function readLines(text) {
  const tree = { nodes: new Map() };
  const faults = [];
  const numbers = numbersOf(text);
  text.split("\n").forEach((content, index) => {
    if (content.trim() === "") return;
    const line = index + 1;
    const parts = content.split(":").map((part) => part.trim());
    const why = faultOf(parts);
    if (why !== null) faults.push({ line, text: content.trim(), parent: idOf(parts[0]), why });
    else addLine(tree, parts, line, numbers);
  });
  const all = [...walk(tree)];
  const labels = Object.fromEntries(all.filter(({ number }) => number !== null).map(({ path, number }) => [path, { number }]));
  return { roots: [...tree.nodes.values()], targets: all.map(({ names }) => names.join(":")), labels, faults, count: all.length };
}

function faultOf(parts) {
  if (parts.some((part) => part === "")) return "has an empty part beside a colon";
  if (parts.some((part) => [...part].length > 128)) return "has a part of more than 128 characters";
  return idOf(parts[0]) === "none" ? "is named None, which is added by itself" : null;
}

const NUMBERED = /^(\d{1,3})[\s.)]+(\S.*)$/;

/** Path without the number → the numbers it stands with, to tell two of one name apart. */
function numbersOf(text) {
  const found = new Map();
  for (const content of text.split("\n")) {
    const parts = content.split(":").map((part) => part.trim());
    const [, number, name] = NUMBERED.exec(parts.at(-1)) ?? [];
    if (name === undefined || parts.length < 2) continue;
    const path = [...parts.slice(0, -1), name].map(idOf).join(":");
    found.set(path, (found.get(path) ?? new Set()).add(number));
  }
  return found;
}

function addLine(tree, parts, line, numbers) {
  const [, number, bare] = (parts.length > 1 && NUMBERED.exec(parts.at(-1))) || [];
  const isAlone = bare !== undefined && numbers.get([...parts.slice(0, -1), bare].map(idOf).join(":")).size === 1;
  const names = isAlone ? [...parts.slice(0, -1), bare] : parts;
  let parent = tree;
  names.forEach((name, depth) => {
    const id = idOf(name);
    const isLast = depth === names.length - 1;
    const known = parent.nodes.get(id);
    if (known === undefined) parent.nodes.set(id, { id, name, number: isLast && isAlone ? Number(number) : null, line, isMade: !isLast, repeats: [], nodes: new Map() });
    else if (isLast && known.isMade) Object.assign(known, { isMade: false });
    else if (isLast) known.repeats.push(line);
    parent = parent.nodes.get(id);
  });
}

function* walk({ nodes }, path = [], names = []) {
  for (const node of nodes.values()) {
    const here = { path: [...path, node.id].join(":"), names: [...names, node.name], number: node.number };
    yield here;
    yield* walk(node, [...path, node.id], here.names);
  }
}
