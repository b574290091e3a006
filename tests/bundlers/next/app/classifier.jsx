"use client";
import { useEffect, useState } from "react";
import { classify } from "../src/classify.js";

export function Classifier() {
  const [answer, setAnswer] = useState("");
  useEffect(() => {
    classify().then(
      (found) => setAnswer(JSON.stringify(found)),
      (error) => setAnswer(JSON.stringify({ error: String(error) })),
    );
  }, []);
  return <output>{answer}</output>;
}
