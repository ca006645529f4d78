// SPDX-License-Identifier: GPL-2.0-or-later
// The writer's end of Frame Streams in its bidirectional form, as bytes in and bytes out:
//
//     writer                     reader
//     READY content type   ->
//                          <-    ACCEPT content type
//     START content type   ->
//     data frames          ->
//     STOP                 ->
//                          <-    FINISH
//
// A data frame is its length (32 bits) and its bytes; a control frame is a data frame's length of
// 0, its own length, its type, and fields. Source: the Frame Streams specification of fstrm.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace ipref::resolver::dnstap {

using Bytes = std::span<const uint8_t>;

class FrameStream {
  public:
    static constexpr size_t kMostControl = 512;  ///< bytes of a control frame, by specification

    explicit FrameStream(std::string content_type) : content_type_(std::move(content_type)) {}

    /// What to send first.
    std::vector<uint8_t> ready() const;
    /// What the reader sent, in any pieces; returns what to send now, often nothing. An error ends
    /// the stream: the reader speaks something else, wants another content, or has finished.
    Result<std::vector<uint8_t>> received(Bytes bytes);
    /// The reader has accepted: data frames may follow.
    bool started() const { return started_; }
    /// What to send last.
    static std::vector<uint8_t> stop();

    /// Appends a data frame. `data` is not empty: that would be a control frame.
    static void append(std::vector<uint8_t>& to, Bytes data);

  private:
    Result<std::vector<uint8_t>> control(Bytes frame);

    std::string content_type_;
    std::vector<uint8_t> in_;  // less than one control frame
    bool started_ = false;
};

}  // namespace ipref::resolver::dnstap
