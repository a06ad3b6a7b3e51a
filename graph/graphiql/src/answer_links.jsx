// Makes each path and execution id in an answer a link to the query that shows it.
import { useGraphiQL } from "@graphiql/react";
import { useEffect, useRef } from "react";
import { useOpenQuery } from "./open_query.jsx";
import { leadingFields, nextQuery } from "./queries.js";

const field = new RegExp(`"(${leadingFields.join("|")})": "((?:[^"\\\\]|\\\\.)+)"`, "g");

/** Adds links to the visible lines of the answer. A click or Enter opens a link. */
export function AnswerLinks() {
  const editor = useGraphiQL((state) => state.responseEditor);
  const openQuery = useOpenQuery();
  const open = useRef();
  useEffect(() => {
    open.current = ({ name, value }) => openQuery(nextQuery(name, value));
  });

  useEffect(() => {
    if (!editor) return undefined;
    const decorations = editor.createDecorationsCollection();
    let frame;
    const decorate = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => decorations.set(visibleLines(editor).flatMap((line) => linksOf(editor.getModel(), line).map(decoration))));
    };
    const openAt = (position) => {
      const link = position && linksOf(editor.getModel(), position.lineNumber).find(({ from, to }) => from <= position.column && position.column <= to);
      if (link) open.current(link);
    };
    const openTapped = ({ pageX, pageY }) => openAt(editor.getTargetAtClientPoint(pageX, pageY)?.position);
    // For a touch Monaco sends its own event, and no mouse event.
    const node = editor.getDomNode();
    node.addEventListener("-monaco-gesturetap", openTapped, true);
    const listeners = [
      { dispose: () => node.removeEventListener("-monaco-gesturetap", openTapped, true) },
      editor.onDidChangeModelContent(decorate),
      editor.onDidScrollChange(decorate),
      editor.onDidLayoutChange(decorate),
      // A drag selects text.
      editor.onMouseUp(({ target }) => editor.getSelection().isEmpty() && openAt(target.position)),
      // Enter is free, since the answer cannot be edited.
      editor.onKeyDown(({ browserEvent }) => browserEvent.key === "Enter" && !browserEvent.ctrlKey && !browserEvent.metaKey && openAt(editor.getPosition())),
    ];
    decorate();
    return () => {
      cancelAnimationFrame(frame);
      for (const listener of listeners) listener.dispose();
    };
  }, [editor]);
  return null;
}

function visibleLines(editor) {
  return editor.getVisibleRanges().flatMap(({ startLineNumber, endLineNumber }) => Array.from({ length: endLineNumber - startLineNumber + 1 }, (_, i) => startLineNumber + i));
}

function linksOf(model, lineNumber) {
  return Array.from(model.getLineContent(lineNumber).matchAll(field), ({ 0: text, 1: name, 2: json, index }) => {
    const to = index + text.length;
    return { lineNumber, name, value: JSON.parse(`"${json}"`), from: to - json.length, to };
  });
}

function decoration({ lineNumber, name, value, from, to }) {
  return {
    range: { startLineNumber: lineNumber, startColumn: from, endLineNumber: lineNumber, endColumn: to },
    options: { inlineClassName: "answer-link", hoverMessage: { value: `Open "${nextQuery(name, value).title}" in a tab (click, or Enter)` } },
  };
}
